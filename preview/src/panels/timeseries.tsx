/** Time series: lines over time, with annotations and exemplars as marks. */
import { DashboardCursorSync, dateTimeFormat, FieldType, type DataFrame } from '@grafana/data';
import { SortOrder, TooltipDisplayMode, type VizTooltipOptions } from '@grafana/schema';
import {
  getFieldDisplayItems,
  KeyboardPlugin,
  Marker,
  TimeSeries,
  Tooltip,
  TooltipPlugin2,
  VizTooltipContent,
  VizTooltipHeader,
  VizTooltipWrapper,
  XYCanvas,
  type UPlotConfigBuilder,
} from '@grafana/ui';
import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import type uPlot from 'uplot';

import type { Mark } from '../query';
import type { VizProps } from './viz';

const NO_LEGEND = { showLegend: false, displayMode: 'list', placement: 'bottom', calcs: [] };
// Values of TooltipHoverMode, which the library does not export.
const ONE_SERIES = 0;
const ALL_SERIES = 1;

/** Replaces NaN and infinity by null: uPlot would include them in the scale. */
function finite(frames: DataFrame[]): DataFrame[] {
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) =>
      field.type === FieldType.number
        ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) }
        : field,
    ),
  }));
}

interface MarksProps {
  builder: UPlotConfigBuilder;
  marks: Mark[];
  color: (name: string) => string;
}

/** Draws annotations over the whole height of the plot; exemplars are drawn as markers only. */
function paint({ ctx, bbox, valToPos }: uPlot, marks: Mark[], color: MarksProps['color']) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.setLineDash([4, 4]);
  for (const { from, to, color: name } of marks.filter(({ value }) => value === undefined)) {
    const left = valToPos(from, 'x', true);
    ctx.fillStyle = ctx.strokeStyle = color(name);
    ctx.globalAlpha = 0.15;
    ctx.fillRect(left, bbox.top, valToPos(to, 'x', true) - left, bbox.height);
    ctx.globalAlpha = 1;
    ctx.strokeRect(left, bbox.top - 1, 0, bbox.height + 2);
  }
  ctx.restore();
}

function Marks({ builder, marks, color }: MarksProps) {
  // A new object after each draw, so that the markers below move with the plot.
  const [drawn, setDrawn] = useState<{ u: uPlot }>();
  // The draw hook outlives a render: a ref gives it the current marks.
  const current = useRef(marks);
  current.current = marks;
  useLayoutEffect(() => {
    builder.addHook('draw', (u) => {
      paint(u, current.current, color);
      setDrawn({ u });
    });
  }, [builder, color]);
  if (!drawn) {
    return null;
  }
  const { u } = drawn;
  const { min = 0, max = 0 } = u.scales.x ?? {};
  const scale = Object.keys(u.scales).find((key) => key !== 'x') ?? 'x';
  return (
    <XYCanvas left={u.bbox.left / devicePixelRatio} top={u.bbox.top / devicePixelRatio}>
      {marks.map(({ from, to, value, title, text, color: name }, i) => {
        const at = Math.max(from, min!);
        const top = value === undefined ? u.over.clientHeight : u.valToPos(value, scale);
        return to < min! || from > max! ? null : (
          <Marker key={i} x={u.valToPos(at, 'x')} y={top}>
            <Tooltip content={[title, text].filter(Boolean).join(': ')}>
              <button
                type="button"
                className={`event ${value === undefined ? 'event-annotation' : 'event-exemplar'}`}
                style={{ color: color(name) }}
                aria-label={`${title} ${text}`}
              />
            </Tooltip>
          </Marker>
        );
      })}
    </XYCanvas>
  );
}

export function TimeSeriesPanel({ options, frames, marks, width, height, range, timeZone, theme, zoom }: VizProps) {
  const tooltip: Partial<VizTooltipOptions> = options.tooltip ?? {};
  const mode = tooltip.mode ?? TooltipDisplayMode.Single;
  const drawn = useMemo(() => finite(frames), [frames]);
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
