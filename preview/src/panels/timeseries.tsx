/** Time series: lines over time, with annotations and exemplars as marks. */
import { DashboardCursorSync, dateTimeFormat, FieldType } from '@grafana/data';
import { SortOrder, TooltipDisplayMode, type VizTooltipOptions } from '@grafana/schema';
import {
  getFieldDisplayItems,
  KeyboardPlugin,
  TimeSeries,
  TooltipPlugin2,
  VizTooltipContent,
  VizTooltipHeader,
  VizTooltipWrapper,
} from '@grafana/ui';
import { useMemo } from 'react';

import { Marks } from './marks';
import { withGaps } from './prepare';
import type { VizProps } from './viz';

const NO_LEGEND = { showLegend: false, displayMode: 'list', placement: 'bottom', calcs: [] };
// Values of TooltipHoverMode, which the library does not export.
const ONE_SERIES = 0;
const ALL_SERIES = 1;

export function TimeSeriesPanel({ options, frames, marks, width, height, range, timeZone, theme, zoom }: VizProps) {
  const tooltip: Partial<VizTooltipOptions> = options.tooltip ?? {};
  const mode = tooltip.mode ?? TooltipDisplayMode.Single;
  const drawn = useMemo(() => withGaps(frames, range), [frames, range]);
  const color = theme.visualization.getColorByName;
  return (
    <TimeSeries
      frames={drawn}
      width={width}
      height={height}
      timeRange={range}
      timeZone={timeZone}
      legend={options.legend ?? NO_LEGEND}
    >
      {(builder, aligned) => (
        <>
          <KeyboardPlugin config={builder} />
          {mode !== TooltipDisplayMode.None && (
            <TooltipPlugin2
              config={builder}
              hoverMode={mode === TooltipDisplayMode.Single ? ONE_SERIES : ALL_SERIES}
              syncMode={DashboardCursorSync.Off}
              queryZoom={zoom}
              render={(_, indexes, series, pinned) => {
                const time = aligned.fields[0]!;
                const items = getFieldDisplayItems(
                  aligned.fields,
                  time,
                  indexes,
                  series,
                  mode,
                  tooltip.sort ?? SortOrder.None,
                  ({ type }) => type === FieldType.number,
                  tooltip.hideZeros,
                );
                const at = time.values[indexes[0] ?? 0];
                return (
                  <VizTooltipWrapper>
                    <VizTooltipHeader item={{ label: '', value: dateTimeFormat(at, { timeZone }) }} isPinned={pinned} />
                    <VizTooltipContent items={items} isPinned={pinned} />
                  </VizTooltipWrapper>
                );
              }}
            />
          )}
          <Marks builder={builder} marks={marks} color={color} />
        </>
      )}
    </TimeSeries>
  );
}
