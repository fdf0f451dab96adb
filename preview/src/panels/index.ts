/** The visualizations that the preview supports, by the panel type in the dashboard JSON. */
import type { FC } from 'react';

import { BarGaugePanel } from './bargauge';
import { HeatmapPanel } from './heatmap';
import { StatPanel } from './stat';
import { StateTimelinePanel } from './statetimeline';
import { TablePanel } from './table';
import { TimeSeriesPanel } from './timeseries';
import type { VizProps } from './viz';

export const VISUALIZATIONS: Partial<Record<string, FC<VizProps>>> = {
  bargauge: BarGaugePanel,
  heatmap: HeatmapPanel,
  stat: StatPanel,
  'state-timeline': StateTimelinePanel,
  table: TablePanel,
  timeseries: TimeSeriesPanel,
};
