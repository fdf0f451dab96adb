/** Lines over time, with annotations and exemplars as marks. */
import { DashboardCursorSync, dateTimeFormat, FieldType, type DataFrame } from '@grafana/data';
import { SortOrder, TooltipDisplayMode, type VizTooltipOptions } from '@grafana/schema';
import {
  EventsCanvas,
  getFieldDisplayItems,
  KeyboardPlugin,
  TimeSeries,
  Tooltip,
  TooltipPlugin2,
  VizTooltipContent,
  VizTooltipHeader,
  VizTooltipWrapper,
  type UPlotConfigBuilder,
} from '@grafana/ui';
import { useLayoutEffect, useMemo, useRef } from 'react';
import type uPlot from 'uplot';

import type { Mark } from '../query';
import type { VizProps } from './viz';

const NO_LEGEND = { showLegend: false, displayMode: 'list', placement: 'bottom', calcs: [] };
// The library does not export these names of its TooltipHoverMode.
const ONE_SERIES = 0;
const ALL_SERIES = 1;

/** uPlot takes NaN and infinity for values to scale to. */
function finite(frames: DataFrame[]): DataFrame[] {
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) =>
      field.type === FieldType.number
        ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) }
        : field
    ),
  }));
}

function Marks({ builder, marks, color }: { builder: UPlotConfigBuilder; marks: Mark[]; color: (name: string) => string }) {
  const plot = useRef<uPlot>(null);
  // The hook outlives a render: it looks up the marks of the moment.
  const current = useRef(marks);
  current.current = marks;
  useLayoutEffect(() => {
    builder.addHook('init', (u) => {
      plot.current = u;
    });
    builder.addHook('draw', ({ ctx, bbox, valToPos }) => {
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      for (const { from, to, value, color: name } of current.current) {
        if (value === undefined) {
          const left = valToPos(from, 'x', true);
          ctx.fillStyle = ctx.strokeStyle = color(name);
          ctx.globalAlpha = 0.15;
          ctx.fillRect(left, bbox.top, valToPos(to, 'x', true) - left, bbox.height);
          ctx.globalAlpha = 1;
          ctx.setLineDash([4, 4]);
          ctx.strokeRect(left, bbox.top - 1, 0, bbox.height + 2);
        }
      }
      ctx.restore();
    });
  }, [builder, color]);
  const frames = useMemo(() => [{ fields: [], length: marks.length }], [marks]);
  const place = (_: DataFrame, row: number) => {
    const { from, value } = marks[row]!;
    const u = plot.current;
    if (!u || from < u.scales.x!.min! || from > u.scales.x!.max!) {
      return undefined;
    }
    const scale = Object.keys(u.scales).find((key) => key !== 'x');
    return { x: u.valToPos(from, 'x'), y: value === undefined || !scale ? u.over.clientHeight : u.valToPos(value, scale) };
  };
  const show = (_: DataFrame, row: number) => {
    const { title, text, value, color: name } = marks[row]!;
    const shape = value === undefined ? 'mark-annotation' : 'mark-exemplar';
    return (
      <Tooltip content={<>{title}{text && <><br />{text}</>}</>}>
        <button type="button" className={`mark ${shape}`} style={{ color: color(name) }} aria-label={`${title} ${text}`} />
      </Tooltip>
    );
  };
  return <EventsCanvas id="marks" config={builder} events={frames} renderEventMarker={show} mapEventToXYCoords={place} />;
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
                  aligned.fields, time, indexes, series, mode, tooltip.sort ?? SortOrder.None,
                  ({ type }) => type === FieldType.number, tooltip.hideZeros
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
