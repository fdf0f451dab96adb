/** The queries of panels and annotations, and their results. */
import { dateTime, rangeUtil, type DataFrame, type TimeRange } from '@grafana/data';

import type { AnnotationModel, Panel, Target } from './dashboard';
import { fillIn, toFrames } from './frames';
import { queryExemplars, queryInstant, queryRange, type Series } from './prometheus';
import { aligned, builtIns, windowsOf } from './time';
import { interpolate, type Scope } from './variables';

const DEFAULT_STEP = '60s';

/** An annotation or exemplar; `from` and `to` in milliseconds since 1970, equal for a single moment. */
export interface Mark {
  from: number;
  to: number;
  title: string;
  text: string;
  color: string;
  /** The value of an exemplar, drawn at that height; annotations have none and are drawn at the bottom. */
  value?: number;
}

export interface Answer {
  frames: DataFrame[];
  exemplars: Mark[];
  scope: Scope;
}

/** The type of the data source that a target queries, if it is not Prometheus. */
function otherSourceOf(panel: Panel, target: Target): string | undefined {
  const type = target.datasource?.type ?? panel.datasource?.type ?? 'prometheus';
  return type === 'prometheus' ? undefined : type;
}

/**
 * Runs all queries of a panel.
 * @param points how many data points the panel has room for
 */
export async function queryPanel(
  panel: Panel,
  variables: Scope,
  range: TimeRange,
  points: number,
  scrapeInterval: string,
  signal: AbortSignal,
): Promise<Answer> {
  const targets = (panel.targets ?? []).filter(({ hide }) => !hide);
  const answers = await Promise.all(
    targets.map(async (target) => {
      const other = otherSourceOf(panel, target);
      if (other) {
        throw new Error(`The preview can query only Prometheus, and this panel queries ${other}.`);
      }
      const fill = (text?: string) => text && interpolate(text, variables, 'text');
      const windows = windowsOf(range, points, scrapeInterval, fill(target.interval), fill(panel.interval));
      const scope = { ...variables, ...builtIns(windows) };
      const query = interpolate(target.expr, scope, 'promql');
      const { start, end } = aligned(range, windows.step);
      const series = target.instant
        ? await queryInstant(query, range.to.valueOf() / 1000, signal)
        : await queryRange(query, { start, end, step: windows.step / 1000 }, signal);
      const named = { ...target, legendFormat: fill(target.legendFormat), expr: query };
      const frames = toFrames(series, named, windows.step, targets.length === 1);
      const exemplars = target.exemplar ? await queryExemplars(query, { start, end }, signal) : [];
      return { frames, exemplars, scope };
    }),
  );
  return {
    frames: answers.flatMap(({ frames }) => frames),
    exemplars: answers.flatMap(({ exemplars }) =>
      exemplars.map(({ labels, value, timestamp }) => ({
        from: timestamp * 1000,
        to: timestamp * 1000,
        title: 'Exemplar',
        text: Object.entries(labels)
          .map(([name, label]) => `${name}: ${label}`)
          .join(', '),
        color: 'blue',
        value: Number(value),
      })),
    ),
    scope: { ...variables, ...answers[0]?.scope },
  };
}

/**
 * The periods, in milliseconds, in which a series has samples other than zero.
 * @param step in milliseconds; a longer distance between samples ends a period
 */
export function activePeriods({ values }: Series, step: number): Array<{ from: number; to: number }> {
  const found: Array<{ from: number; to: number }> = [];
  for (const [seconds, value] of values) {
    const at = seconds * 1000;
    const last = found.at(-1);
    if (value === '0') {
      continue;
    }
    if (last && at - last.to <= step) {
      last.to = at;
    } else {
      found.push({ from: at, to: at });
    }
  }
  return found;
}

/** The marks of the dashboard's enabled annotations that have a PromQL query. */
export async function queryAnnotations(models: AnnotationModel[], variables: Scope, range: TimeRange): Promise<Mark[]> {
  const asked = models.filter(({ enable, expr }) => enable && expr);
  const marks = await Promise.all(
    asked.map(async ({ expr, step = DEFAULT_STEP, iconColor = 'red', titleFormat, textFormat, name }) => {
      // At most one point per pixel of a wide screen, however small the annotation's step.
      const { step: every } = windowsOf(range, 2000, step);
      const query = interpolate(expr!, variables, 'promql');
      const series = await queryRange(query, { ...aligned(range, every), step: every / 1000 });
      return series.flatMap((one) =>
        activePeriods(one, every).map((period) => ({
          ...period,
          title: fillIn(titleFormat || name, one.metric),
          text: fillIn(textFormat ?? '', one.metric),
          color: iconColor,
        })),
      );
    }),
  );
  return marks.flat();
}

/** Resolves a range from the address, such as from=now-1h&to=now, to absolute times. */
export function toRange(from: string, to: string): TimeRange {
  const absolute = (text: string) => (/^\d+$/.test(text) ? dateTime(Number(text)) : text);
  const range = rangeUtil.convertRawToRange({ from: absolute(from), to: absolute(to) });
  if (!(range.from.valueOf() < range.to.valueOf())) {
    throw new Error(
      `"${from}" to "${to}" is not a time range: use now-1h, now, or milliseconds since 1970, the earlier one first.`,
    );
  }
  return range;
}
