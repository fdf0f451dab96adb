/** Tests of what must be drawn as Grafana draws it: legends, missing values, tables, links. */
import {
  createDataFrame,
  createTheme,
  dateTime,
  FieldType,
  getFieldDisplayValues,
  MappingType,
  reduceField,
  SpecialValueMatch,
  type DataFrame,
  type ValueMapping,
} from '@grafana/data';
import { readFileSync, readdirSync } from 'node:fs';

import { describe, expect, test, vi } from 'vitest';

import { leadTo } from '../src/address';
import type { Dashboard, Panel } from '../src/dashboard';
import { applyFieldConfig, fieldConfigOf, transform } from '../src/fields';
import { toFrames } from '../src/frames';
import { laneOf, statesOf, withGaps } from '../src/panels/prepare';
import { interpolate, type Variable } from '../src/variables';

// Grafana's library asks the browser for its language.
vi.stubGlobal('window', globalThis);
vi.stubGlobal('navigator', { language: 'en', languages: ['en'] });

const [from, to] = [dateTime(0), dateTime(60_000)];
const RANGE = { from, to, raw: { from, to } };
const NO_DATA: ValueMapping = {
  type: MappingType.SpecialValue,
  options: { match: SpecialValueMatch.Null, result: { text: 'no data', color: '#CC79A7' } },
};

function panel(more: Partial<Panel> = {}): Panel {
  return { id: 1, type: 'table', gridPos: { x: 0, y: 0, w: 24, h: 4 }, ...more };
}

function configured(given: Panel, frames: DataFrame[], lead = (url: string) => url): DataFrame[] {
  const theme = createTheme();
  return applyFieldConfig(frames, fieldConfigOf(given), theme, 'utc', (text) => text, lead, new Set());
}

/** The frame of a series with a sample every 10 s from the start of the range. */
function line(values: number[]): DataFrame {
  const series = { metric: {}, values: values.map((value, i): [number, string] => [i * 10, String(value)]) };
  return toFrames([series], { refId: 'A', expr: 'q', legendFormat: 'q' }, 10_000, true)[0]!;
}

describe('a legend', () => {
  const last = (frame: DataFrame) => {
    const [drawn] = withGaps([frame], RANGE);
    return reduceField({ field: drawn!.fields[1]!, reducers: ['last', 'lastNotNull', 'max'] });
  };

  test('has no last value for a series that has ended, though it had one', () => {
    expect(last(line([1, 3, 2]))).toMatchObject({ last: null, lastNotNull: 2, max: 3 });
  });

  test('has the last value of a series that goes on', () => {
    expect(last(line([1, 3, 2, 4, 4, 5, 6]))).toMatchObject({ last: 6, max: 6 });
  });

  test('ignores NaN and infinity', () => {
    expect(last(line([1, Infinity, NaN, 4, 4, 5, 6]))).toMatchObject({ max: 6 });
  });
});

test('a stat without data has the text and colour that the mappings give to null', () => {
  const given = panel({ type: 'stat', fieldConfig: { defaults: { noValue: 'none', mappings: [NO_DATA] }, overrides: [] } });
  const [value] = getFieldDisplayValues({
    data: configured(given, []),
    fieldConfig: fieldConfigOf(given),
    reduceOptions: { calcs: ['lastNotNull'] },
    replaceVariables: (text) => text,
    theme: createTheme(),
  });
  expect(value!.display).toMatchObject({ text: 'no data', color: '#CC79A7' });
});

describe('a state timeline', () => {
  const up: ValueMapping = { type: MappingType.ValueToText, options: { 0: { text: 'healthy', color: '#009E73' } } };
  const cells = (mappings: ValueMapping[]) => {
    const given = panel({ type: 'state-timeline', fieldConfig: { defaults: { mappings }, overrides: [] } });
    const frames = configured(given, [line([0, 0, 0])]);
    return statesOf(frames, RANGE).cells.map(({ from: start, to: end, value, color }) => [start, end, value, color]);
  };

  test('shows the words and colours of the mappings, and nothing where there is no sample', () => {
    expect(cells([up])).toEqual([[0, 30_000, 'healthy', '#009E73']]);
  });

  test('shows missing samples where a mapping names null', () => {
    expect(cells([up, NO_DATA])).toEqual([
      [0, 30_000, 'healthy', '#009E73'],
      [30_000, 60_000, 'no data', '#CC79A7'],
    ]);
  });
});

test('an exemplar is drawn in the bucket that holds its value', () => {
  const bounds = [0.1, 0.5, Infinity];
  expect([0.05, 0.1, 0.3, 9].map((value) => laneOf(value, bounds))).toEqual([0.5, 0.5, 1.5, 2.5]);
  expect(laneOf(9, [0.1, 0.5])).toBe(1.5);
});

describe('a table of several queries', () => {
  const answer = (refId: string, values: Record<string, string>) => {
    const series = Object.entries(values).map(([pod, value]) => ({
      metric: { pod },
      values: [[60, value] as [number, string]],
    }));
    return toFrames(series, { refId, expr: 'q', format: 'table', instant: true }, 1000, false);
  };
  const merged = async (...frames: DataFrame[]) => {
    const organize = { excludeByName: { Time: true }, renameByName: { 'Value #A': 'Requests', 'Value #B': 'Failing' } };
    const given = panel({ transformations: [{ id: 'merge', options: {} }, { id: 'organize', options: organize }] });
    const [frame] = configured(given, await transform(given, frames, (text) => text));
    return frame!.fields.map(({ name, config, values }) => [config.displayName ?? name, values]);
  };

  test('has a row for each pod', async () => {
    expect(await merged(...answer('A', { a: '8', b: '9' }), ...answer('B', { b: '0.5' }))).toEqual([
      ['pod', ['a', 'b']],
      ['Requests', [8, 9]],
      ['Failing', [undefined, 0.5]],
    ]);
  });

  test('keeps the column of a query without an answer', async () => {
    expect(await merged(...answer('A', { a: '8' }), ...answer('B', {}))).toEqual([
      ['pod', ['a']],
      ['Requests', [8]],
      ['Failing', [undefined]],
    ]);
  });
});

describe('links', () => {
  const service: Variable = { value: ['a', 'b&c'], options: [], model: { name: 'service', type: 'custom' } };

  test('may refer to the fields of their row, and lead to the preview of a dashboard in its theme', () => {
    const url = '/d/detail?var-namespace=${__data.fields.namespace}&var-service=${__data.fields["slo service"]}&v=${__value.raw}';
    const given = panel({ fieldConfig: { defaults: { links: [{ title: 'Pods of ${__data.fields.namespace}', url }] }, overrides: [] } });
    const field = (name: string, values: string[]) => ({ name, type: FieldType.string, values });
    const frame = createDataFrame({ fields: [field('namespace', ['x', 'shop']), field('slo service', ['y', 'a b'])] });
    const [drawn] = configured(given, [frame], (href) => leadTo(href, 'dark'));
    const [link] = drawn!.fields[1]!.getLinks!({ valueRowIndex: 1 });
    expect(link!.title).toBe('Pods of shop');
    expect(Object.fromEntries(new URLSearchParams(link!.href))).toEqual({
      theme: 'dark',
      dashboard: 'detail',
      'var-namespace': 'shop',
      'var-service': 'a b',
    });
  });

  test('outside of the preview stay as they are', () => {
    expect(leadTo('https://example.com/runbook.md', 'dark')).toBe('https://example.com/runbook.md');
  });

  test('can carry all values of a variable', () => {
    expect(interpolate('/d/x?${service:queryparam}', { service }, 'text')).toBe('/d/x?var-service=a&var-service=b%26c');
  });
});

describe('the tables of the shipped dashboards', () => {
  const folder = new URL('../../dashboards/', import.meta.url);
  const tables = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => (JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Dashboard).panels)
    .filter(({ type, targets = [] }) => type === 'table' && targets.length > 1);

  test.each(tables.map((table) => [table.title, table] as const))('%s', async (_, table) => {
    const include = table.transformations!.find(({ id }) => id === 'filterFieldsByName')!.options.include.names as string[];
    const labels = include.filter((name) => !/^(Time|Value)\b/.test(name));
    const metric = Object.fromEntries(labels.map((label) => [label, 'x']));
    for (const silent of table.targets!) {
      const frames = table.targets!.flatMap((target) => {
        const series = target === silent ? [] : [{ metric, values: [[60, '1'] as [number, string]] }];
        return toFrames(series, target, 1000, false);
      });
      const joined = await transform(table, frames, (text) => text);
      expect(joined, `without an answer to ${silent.expr}`).toHaveLength(1);
      expect(joined[0]).toMatchObject({ length: 1 });
      expect(joined[0]!.fields).toHaveLength(include.length - 1);
    }
  });
});
