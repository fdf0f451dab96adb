/** The step and built-in intervals of a query, by the rules documented for Grafana's Prometheus data source. */
import { rangeUtil, type TimeRange } from '@grafana/data';

/** Prometheus' limit of points per series in a range query. */
const MAX_POINTS = 11_000;

/** All values in milliseconds. */
export interface Windows {
  step: number;
  rateInterval: number;
  range: number;
}

/**
 * Step, rate interval and range of a query.
 * @param points how many data points the panel has room for
 * @param minStep the query's own minimum step, if set
 * @param panelInterval the panel's minimum interval, if set
 * @param scrapeInterval the data source's, such as "30s"
 */
export function windowsOf(
  range: TimeRange,
  points: number,
  scrapeInterval: string,
  minStep?: string,
  panelInterval?: string,
): Windows {
  const span = range.to.valueOf() - range.from.valueOf();
  const interval = rangeUtil.calculateInterval(range, points, panelInterval || scrapeInterval).intervalMs;
  const least = rangeUtil.intervalToMs(minStep || scrapeInterval);
  const safe = rangeUtil.roundInterval(span / MAX_POINTS);
  return {
    step: Math.max(interval, least, safe),
    rateInterval: Math.max(interval + least, 4 * least),
    range: span,
  };
}

/** A duration in PromQL notation, such as `15s`. */
export function promDuration(ms: number): string {
  return ms % 1000 ? `${ms}ms` : `${ms / 1000}s`;
}

/** The values of Grafana's built-in variables, such as `$__interval`. */
export function builtIns({ step, rateInterval, range }: Windows): Record<string, string> {
  const seconds = Math.round(range / 1000);
  return {
    __interval: promDuration(step),
    __interval_ms: String(step),
    __rate_interval: promDuration(rateInterval),
    __rate_interval_ms: String(rateInterval),
    __range: `${seconds}s`,
    __range_s: String(seconds),
    __range_ms: String(range),
  };
}

/** Start and end in seconds, rounded down to multiples of the step, so that lines do not jitter on refresh. */
export function aligned(range: TimeRange, step: number): { start: number; end: number } {
  const snap = (ms: number) => (Math.floor(ms / step) * step) / 1000;
  return { start: snap(range.from.valueOf()), end: snap(range.to.valueOf()) };
}
