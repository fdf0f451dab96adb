/** Tests of the page's logic that need no browser: intervals, variables, frames, layout, links. */
import { dateTime, FieldType, type TimeRange } from '@grafana/data';
import { describe, expect, test } from 'vitest';

import { format, hrefs, parse } from '../src/address';
import { toDashboard, type Dashboard, type Panel, type VariableModel } from '../src/dashboard';
import { toFrames, toNumber } from '../src/frames';
import { layout } from '../src/layout';
import { activePeriods } from '../src/query';
import { aligned, builtIns, promDuration, windowsOf } from '../src/time';
import { ALL, interpolate, refine, type Scope, type Variable } from '../src/variables';

const HOUR = 3_600_000;

function last(ms: number): TimeRange {
  const [from, to] = [dateTime(10_000_000_000 - ms), dateTime(10_000_000_000)];
  return { from, to, raw: { from, to } };
}

function variable(value: string[], model: Partial<VariableModel> = {}, options = value): Variable {
  return { value, options, model: { name: 'v', type: 'custom', ...model } };
}

describe('intervals', () => {
  test.each([
    // span, points, scrape interval, minimum step -> step, rate interval
    [HOUR, 1000, '15s', undefined, 15_000, 60_000],
    [HOUR, 1000, '30s', undefined, 30_000, 120_000],
    [24 * HOUR, 1000, '15s', undefined, 60_000, 75_000],
    [24 * HOUR, 1000, '15s', '2m', 120_000, 480_000],
    [HOUR / 60, 1000, '1s', undefined, 1_000, 4_000],
    [30 * 24 * HOUR, 20_000, '5s', undefined, 300_000, 125_000],
  ])('%i ms at %i points, scraped every %s, step at least %s', (span, points, scrape, least, step, rate) => {
    const windows = windowsOf(last(span), points, scrape, least);
    expect(windows).toMatchObject({ step, rateInterval: rate, range: span });
    expect(span / windows.step).toBeLessThanOrEqual(11_000);
  });

  test('are written as PromQL durations', () => {
    expect(promDuration(500)).toBe('500ms');
    expect(builtIns({ step: 15_000, rateInterval: 60_000, range: HOUR })).toMatchObject({
      __interval: '15s',
      __interval_ms: '15000',
      __rate_interval: '60s',
      __range: '3600s',
      __range_s: '3600',
    });
  });

  test('start and end are multiples of the step', () => {
    expect(aligned(last(61_000), 15_000)).toEqual({ start: 9_999_930, end: 9_999_990 });
  });
});

describe('variables', () => {
  const scope: Scope = {
    one: variable(['a"b\\c']),
    many: variable(['a.b', 'c|d'], { multi: true }),
    single: variable(['a.b'], { multi: true }),
    all: variable([ALL], { includeAll: true }, ['x', 'y']),
    everything: variable([ALL], { includeAll: true, allValue: '.+' }, ['x']),
    __interval: '15s',
  };

  test.each([
    ['up{a="$one"}', 'up{a="a\\"b\\\\c"}'],
    ['up{a=~"$many"}', 'up{a=~"(a\\\\.b|c\\\\|d)"}'],
    ['up{a=~"${single}"}', 'up{a=~"a\\\\.b"}'],
    ['up{a=~"[[all]]"}', 'up{a=~"(x|y)"}'],
    ['up{a=~"${everything:regex}"}', 'up{a=~".+"}'],
    ['rate(up[$__interval])', 'rate(up[15s])'],
    ['$unknown stays', '$unknown stays'],
  ])('%s', (text, filled) => {
    expect(interpolate(text, scope, 'promql')).toBe(filled);
  });

  test('are plain text in a title', () => {
    expect(interpolate('$one $many $all', scope, 'text')).toBe('a"b\\c a.b + c|d All');
  });

  test('options are filtered by the regex and sorted', () => {
    const model = { name: 'v', type: 'query', regex: '/pod-(\\d+)/', sort: 4 };
    expect(refine(['pod-9', 'pod-10', 'node', 'pod-9'], model)).toEqual(['10', '9']);
  });
});

describe('frames', () => {
  const target = { refId: 'A', expr: 'q' };
  const bucket = (le: string, ...values: string[]) => ({
    metric: { le },
    values: values.map((v, i): [number, string] => [i, v]),
  });

  test('a series is named by its legend format, or by its labels', () => {
    const series = [{ metric: { __name__: 'up', job: 'a' }, values: [[1, '1'] as [number, string]] }];
    const name = (legendFormat?: string) => toFrames(series, { ...target, legendFormat }, 1000, true)[0]!.name;
    expect(name('{{job}} {{missing}}!')).toBe('a !');
    expect(name()).toBe('up{job="a"}');
    expect(name('__auto')).toBeUndefined();
  });

  test('infinity and NaN are numbers', () => {
    expect(['+Inf', '-Inf', 'NaN', '1e3'].map(toNumber)).toEqual([Infinity, -Infinity, NaN, 1000]);
  });

  test('cumulative buckets of a classic histogram become counts per bucket', () => {
    const series = [bucket('+Inf', '5', '9'), bucket('0.1', '2', '4'), bucket('1', '4', '4')];
    const [frame] = toFrames(series, { ...target, format: 'heatmap' }, 1000, true);
    expect(frame!.fields.slice(1).map(({ name, values }) => [name, values])).toEqual([
      ['0.1', [2, 4]],
      ['1', [2, 0]],
      ['+Inf', [1, 5]],
    ]);
  });

  test('a table has a column for each label, and a value column named after the query', () => {
    const series = [bucket('1', '7'), { metric: { job: 'a' }, values: [[0, '8'] as [number, string]] }];
    const [frame] = toFrames(series, { ...target, format: 'table' }, 1000, false);
    expect(frame!.fields.map(({ name, type, values }) => [name, type, values])).toEqual([
      ['Time', FieldType.time, [0, 0]],
      ['job', FieldType.string, [undefined, 'a']],
      ['le', FieldType.string, ['1', undefined]],
      ['Value #A', FieldType.number, [7, 8]],
    ]);
  });

  test('an annotation lasts while its series has consecutive samples other than zero', () => {
    const values = [0, 10, 20, 50, 60].map((t): [number, string] => [t, t === 60 ? '0' : '1']);
    expect(activePeriods({ metric: {}, values }, 10_000)).toEqual([
      { from: 0, to: 20_000 },
      { from: 50_000, to: 50_000 },
    ]);
  });
});

describe('layout', () => {
  const panel = (id: number, y: number, more: Partial<Panel> = {}): Panel => ({
    id,
    type: 'stat',
    gridPos: { x: 0, y, w: 24, h: 4 },
    ...more,
  });
  const places = (panels: Panel[], scope: Scope = {}, toggled: string[] = []) =>
    layout({ uid: 'u', title: 't', panels }, scope, new Set(toggled)).map(({ panel: { id }, at: { x, y, w } }) => [
      id,
      x,
      y,
      w,
    ]);

  test('a collapsed row hides its panels, and the rows below move up', () => {
    const row = panel(1, 0, { type: 'row', collapsed: true, panels: [panel(2, 1)] });
    const next = panel(3, 1, { type: 'row' });
    expect(places([row, next, panel(4, 2)])).toEqual([
      [1, 0, 0, 24],
      [3, 0, 1, 24],
      [4, 0, 2, 24],
    ]);
    expect(places([row, next, panel(4, 2)], {}, ['1-0'])).toEqual([
      [1, 0, 0, 24],
      [2, 0, 1, 24],
      [3, 0, 5, 24],
      [4, 0, 6, 24],
    ]);
  });

  test('a repeated panel fills a line, then wraps, and pushes down the panels below', () => {
    const scope = { v: variable(['a', 'b', 'c'], { multi: true }) };
    expect(places([panel(1, 0, { repeat: 'v', maxPerRow: 2 }), panel(2, 4)], scope)).toEqual([
      [1, 0, 0, 12],
      [1, 12, 0, 12],
      [1, 0, 4, 12],
      [2, 0, 8, 24],
    ]);
    expect(places([panel(1, 0, { repeat: 'v', repeatDirection: 'v' })], scope).map(([, , y]) => y)).toEqual([0, 4, 8]);
  });
});

describe('addresses', () => {
  const platform = {
    scrapeInterval: '15s',
    parts: [],
    services: { state: '', states: [], figures: [] },
    runbooks: [],
    dashboards: ['a', 'b'].map((uid) => ({ uid, title: uid, file: uid, folder: '', tags: ['x'] })),
  };

  test('the menu of the other dashboards is sorted by title, as in Grafana', () => {
    const dashboards = ['z', 'a', 'B'].map((title) => ({ uid: title, title, file: '', folder: '', tags: ['x'] }));
    const links = [{ title: 't', type: 'dashboards' as const, tags: ['x'] }];
    const found = hrefs(links, { dashboard: 'a', variables: {} }, {}, { ...platform, dashboards }, String);
    expect(found.map(({ title }) => title)).toEqual(['B', 'z']);
  });

  test('hold the whole state of the page', () => {
    const search = '?dashboard=a&from=now-1h&to=now&refresh=5s&theme=dark&var-v=1&var-v=2';
    expect(format(parse(search))).toBe(search);
  });

  test('links by tag lead to the other dashboards, and javascript: links are dropped', () => {
    const address = { dashboard: 'a', from: 'now-1h', variables: {} };
    const urls = (url: string) => hrefs([{ title: 't', url, keepTime: true }], address, {}, platform, (text) => text);
    expect(hrefs([{ title: 't', type: 'dashboards', tags: ['x'] }], address, {}, platform, String)).toEqual([
      { title: 'b', href: '?dashboard=b', blank: undefined },
    ]);
    expect(urls('/d/b/slug')[0]!.href).toBe('?from=now-1h&dashboard=b');
    expect(urls('https://prometheus.io')).toHaveLength(1);
    expect(urls('javascript:alert(1)')).toEqual([]);
  });
});

test.each([null, [], {}, { title: 't' }, { title: 't', panels: [{}] }])('%j is not a dashboard', (value) => {
  expect(() => toDashboard(value, 'f.json')).toThrow('f.json is not a dashboard');
});

test('a title and a list of panels are enough for a dashboard', () => {
  expect(toDashboard({ title: 't', panels: [] } satisfies Partial<Dashboard>, 'f.json').title).toBe('t');
});
