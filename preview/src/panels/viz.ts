/** The props that every visualization receives. */
import type { DataFrame, FieldConfigSource, GrafanaTheme2, TimeRange } from '@grafana/data';

import type { Panel } from '../dashboard';
import type { Mark } from '../query';

/** Props shared by all panels of a dashboard. */
export interface View {
  range: TimeRange;
  timeZone: string;
  /** Annotations within the range. */
  marks: Mark[];
  /** Where a link to an address leads: dashboards have their own pages in the preview. */
  lead: (url: string) => string;
  /** Sets the page's time range, in milliseconds since 1970. */
  zoom: (range: { from: number; to: number }) => void;
}

export interface VizProps extends View {
  panel: Panel;
  /** The panel's options; `{}` if the JSON has none. */
  options: Record<string, any>;
  frames: DataFrame[];
  fieldConfig: FieldConfigSource;
  width: number;
  height: number;
  theme: GrafanaTheme2;
  replace: (text: string) => string;
}
