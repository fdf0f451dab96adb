/** State timeline: the state of each series over time. */
import { FieldType, formattedValueToString, getFieldDisplayName, type Field } from '@grafana/data';
import { VisibilityMode } from '@grafana/schema';
import { SeriesIcon, VizLayout } from '@grafana/ui';
import { useMemo } from 'react';

import { TimeGrid, type Cell } from './timegrid';
import type { VizProps } from './viz';

/** Merges consecutive values with the same text into one cell, which ends at the next value, a gap, or `end`. */
function cellsOf(field: Field, time: Field, lane: number, end: number): Cell[] {
  const step = time.config.interval ?? end;
  const cells: Cell[] = [];
  field.values.forEach((raw, i) => {
    if (raw === null || raw === undefined) {
      return;
    }
    const shown = field.display!(raw);
    const value = formattedValueToString(shown);
    const from = time.values[i];
    const to = Math.min(time.values[i + 1] ?? end, from + step);
    const last = cells.at(-1);
    if (last && last.to === from && last.value === value) {
      last.to = to;
    } else {
      cells.push({ lane, from, to, value, label: value, color: shown.color ?? '' });
    }
  });
  return cells;
}

export function StateTimelinePanel(props: VizProps) {
  const { frames, options, range, width, height } = props;
  const { lanes, cells } = useMemo(() => {
    const rows = frames.flatMap((frame) => {
      const time = frame.fields.find(({ type }) => type === FieldType.time);
      const fields = frame.fields.filter(({ type }) => type !== FieldType.time);
      return time ? fields.map((field) => ({ field, time, name: getFieldDisplayName(field, frame, frames) })) : [];
    });
    // Lanes count from the bottom, and the first series belongs at the top.
    rows.reverse();
    return {
      lanes: rows.map(({ name }) => name),
      cells: rows.flatMap(({ field, time }, lane) => cellsOf(field, time, lane, range.to.valueOf())),
    };
  }, [frames, range]);
  const labelled = options.showValue !== VisibilityMode.Never;
  const drawn = useMemo(
    () => (labelled ? cells : cells.map((cell) => ({ ...cell, label: undefined }))),
    [cells, labelled],
  );
  const states = new Map(cells.map(({ value, color }) => [value, color]));
  const legend =
    options.legend?.showLegend === false ? null : (
      <VizLayout.Legend placement="bottom">
        <div className="legend">
          {[...states].map(([value, color]) => (
            <span key={value}>
              <SeriesIcon color={color} /> {value}
            </span>
          ))}
        </div>
      </VizLayout.Legend>
    );
  return (
    <VizLayout width={width} height={height} legend={legend}>
      {(w: number, h: number) => (
        <TimeGrid
          {...props}
          width={w}
          height={h}
          lanes={lanes}
          named="middle"
          cells={drawn}
          fill={options.rowHeight ?? 0.9}
        />
      )}
    </VizLayout>
  );
}
