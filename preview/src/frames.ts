/** Conversion of Prometheus' series to data frames, in the shape that Grafana's own data source returns. */
import { createDataFrame, DataFrameType, FieldType, type DataFrame, type FieldDTO } from '@grafana/data';

import type { Target } from './dashboard';
import type { Labels, Series } from './prometheus';

const TIME = 'Time';

/** Parses a sample's value; Prometheus writes infinity as +Inf and -Inf. */
export function toNumber(text: string): number {
  return text.endsWith('Inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number.parseFloat(text);
}

/** The name of a series in Prometheus' notation, such as `up{job="api"}`. */
function seriesName(labels: Labels): string {
  const { __name__: name = '', ...rest } = labels;
  const pairs = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length ? `${name}{${pairs.join(', ')}}` : name;
}

/** Replaces each `{{label}}` in a template by the label's value. */
export function fillIn(template: string, labels: Labels): string {
  return template.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => labels[label] ?? '');
}

function legend(target: Target, labels: Labels): string | undefined {
  if (target.legendFormat && target.legendFormat !== '__auto') {
    return fillIn(target.legendFormat, labels);
  }
  if (Object.keys(labels).length === 0) {
    return target.expr;
  }
  // undefined: Grafana's library then names the series by the labels in which they differ.
  return target.legendFormat === '__auto' ? undefined : seriesName(labels);
}

function timeField(series: Series, step: number): FieldDTO {
  // With the interval set, the graph shows missing samples as a gap.
  return { name: TIME, type: FieldType.time, config: { interval: step }, values: series.values.map(([t]) => t * 1000) };
}

function lines(series: Series[], target: Target, step: number): DataFrame[] {
  return series.map((one) => {
    const displayNameFromDS = legend(target, one.metric);
    const values = one.values.map(([, value]) => toNumber(value));
    const value = { name: 'Value', type: FieldType.number, labels: one.metric, config: { displayNameFromDS }, values };
    return createDataFrame({
      refId: target.refId,
      name: displayNameFromDS,
      fields: [timeField(one, step), value],
      meta: { type: DataFrameType.TimeSeriesMulti },
    });
  });
}

function table(series: Series[], target: Target, valueName: string): DataFrame[] {
  const rows = series.flatMap(({ metric, values }) => values.map(([t, value]) => ({ metric, t, value })));
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return [
    createDataFrame({
      refId: target.refId,
      fields: [
        { name: TIME, type: FieldType.time, values: rows.map(({ t }) => t * 1000) },
        ...labels.map((name) => ({ name, type: FieldType.string, values: rows.map(({ metric }) => metric[name]) })),
        { name: valueName, type: FieldType.number, values: rows.map(({ value }) => toNumber(value)) },
      ],
    }),
  ];
}

/** One frame with a field per bucket. Classic buckets are cumulative: a field holds its bucket minus the one below. */
function buckets(series: Series[], target: Target, step: number): DataFrame[] {
  const sorted = series
    .filter(({ metric }) => metric.le !== undefined)
    .sort((a, b) => toNumber(a.metric.le!) - toNumber(b.metric.le!));
  const times = [...new Set(sorted.flatMap(({ values }) => values.map(([t]) => t)))].sort((a, b) => a - b);
  if (times.length === 0) {
    return [];
  }
  let below = times.map(() => 0);
  const fields = sorted.map(({ metric, values }) => {
    const at = new Map(values.map(([t, value]) => [t, toNumber(value)]));
    const sums = times.map((t, i) => at.get(t) ?? below[i]!);
    const own = sums.map((sum, i) => Math.max(0, sum - below[i]!));
    below = sums;
    return { name: metric.le!, type: FieldType.number, labels: metric, values: own };
  });
  const time = { name: TIME, type: FieldType.time, config: { interval: step }, values: times.map((t) => t * 1000) };
  return [
    createDataFrame({ refId: target.refId, fields: [time, ...fields], meta: { type: DataFrameType.HeatmapRows } }),
  ];
}

/**
 * Converts the result of one query to data frames.
 * @param step in milliseconds
 * @param alone true if this is the panel's only query; else a table's value column is called `Value #<refId>`
 */
export function toFrames(series: Series[], target: Target, step: number, alone: boolean): DataFrame[] {
  switch (target.format) {
    case 'table':
      return table(series, target, alone ? 'Value' : `Value #${target.refId}`);
    case 'heatmap':
      return buckets(series, target, step);
    default:
      return lines(series, target, step);
  }
}
