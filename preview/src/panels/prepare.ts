/** The data as the panels draw it: gaps, states, and buckets. */
import {
  applyNullInsertThreshold,
  FieldType,
  formattedValueToString,
  getFieldDisplayName,
  MappingType,
  nullToValue,
  type DataFrame,
  type Field,
  type TimeRange,
} from '@grafana/data';

import type { Cell } from './timegrid';

/**
 * The frames as Grafana draws them: null for a missing sample up to the end of the range, and for NaN and infinity.
 * A legend's "last" is therefore empty if a series has ended, and uPlot has no infinity in its scale.
 */
export function withGaps(frames: DataFrame[], range: TimeRange): DataFrame[] {
  const [refFieldPseudoMin, refFieldPseudoMax] = [range.from.valueOf(), range.to.valueOf()];
  return frames.map((frame) => {
    const filled = nullToValue(applyNullInsertThreshold({ frame, refFieldPseudoMin, refFieldPseudoMax }));
    return {
      ...filled,
      fields: filled.fields.map((field) =>
        field.type === FieldType.number
          ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) }
          : field,
      ),
    };
  });
}

/** True if one of the field's value mappings is for null, which Grafana then draws like a value. */
function namesNull({ config: { mappings = [] } }: Field): boolean {
  return mappings.some(({ type, options }) => type === MappingType.SpecialValue && /^null/.test(options.match));
}

/** Merges consecutive values with the same text into one cell, which ends at the next value, a gap, or `end`. */
function cellsOf(field: Field, time: Field, lane: number, end: number): Cell[] {
  const step = time.config.interval ?? end;
  const cells: Cell[] = [];
  const drawsNull = namesNull(field);
  field.values.forEach((raw, i) => {
    if (!drawsNull && (raw === null || raw === undefined)) {
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
      const links = () => field.getLinks?.({ valueRowIndex: i }) ?? [];
      cells.push({ lane, from, to, value, label: value, color: shown.color ?? '', links });
    }
  });
  return cells;
}

/** The lanes and cells of all series, from the bottom to the top. */
export function statesOf(frames: DataFrame[], range: TimeRange): { lanes: string[]; cells: Cell[] } {
  const [refFieldPseudoMin, refFieldPseudoMax] = [range.from.valueOf(), range.to.valueOf()];
  const rows = frames.flatMap((given) => {
    const frame = applyNullInsertThreshold({ frame: given, refFieldPseudoMin, refFieldPseudoMax });
    const time = frame.fields.find(({ type }) => type === FieldType.time);
    const fields = frame.fields.filter(({ type }) => type !== FieldType.time);
    return time ? fields.map((field) => ({ field, time, name: getFieldDisplayName(field, frame, frames) })) : [];
  });
  // Lanes count from the bottom, and the first series belongs at the top.
  rows.reverse();
  return {
    lanes: rows.map(({ name }) => name),
    cells: rows.flatMap(({ field, time }, lane) => cellsOf(field, time, lane, refFieldPseudoMax)),
  };
}

/** The middle of the bucket that holds a value, in lanes from the bottom; `bounds` are the buckets' upper ones. */
export function laneOf(value: number, bounds: number[]): number {
  const lane = bounds.findIndex((bound) => value <= bound);
  return (lane < 0 ? bounds.length - 1 : lane) + 0.5;
}
