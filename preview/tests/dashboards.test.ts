/** Tests of the shipped dashboards with Grafana's own transformations and mappings. */
import {
  createTheme,
  FieldType,
  formattedValueToString,
  getDisplayProcessor,
  type DataFrame,
} from '@grafana/data';
import { readFileSync } from 'node:fs';

import { describe, expect, test, vi } from 'vitest';

import type { Dashboard, Panel } from '../src/dashboard';
import { transform } from '../src/fields';
import { toFrames } from '../src/frames';

// Grafana's library asks the browser for its language.
vi.stubGlobal('window', globalThis);
vi.stubGlobal('navigator', { language: 'en', languages: ['en'] });

const COLORS = {
  good: '#009E73',
  warning: '#E69F00',
  paging: '#D55E00',
  down: '#A0001C',
  idle: '#808080',
  unknown: '#CC79A7',
  none: 'rgba(0,0,0,0)',
};

function panel(dashboard: string, title: string): Panel {
  const file = new URL(`../../dashboards/${dashboard}.json`, import.meta.url);
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as Dashboard;
  return panels.find((one) => one.title === title)!;
}

/** Rows of a table as a reader sees them, if its queries return these labels and values, one list for each query. */
async function rowsOf(table: Panel, answers: Array<Array<[Record<string, string>, number]>>) {
  const frames: DataFrame[] = table.targets!.flatMap((target, query) => {
    // Grafana evaluates all instant queries of a panel at the same time: the end of the range.
    const series = answers[query]!.map(([metric, value]) => ({
      metric,
      values: [[60, String(value)] as [number, string]],
    }));
    return toFrames(series, target, 1000, false);
  });
  const [frame] = await transform(table, frames, (text) => text);
  return Array.from({ length: frame!.length }, (_, row) =>
    Object.fromEntries(frame!.fields.map(({ name, config, values }) => [config.displayName ?? name, values[row]])),
  );
}

/** The text and colour of a value in a panel, or of none. */
function shown({ fieldConfig }: Panel, value: number | string | null) {
  const { mappings, unit, thresholds } = fieldConfig!.defaults;
  const steps = thresholds!.steps.map((step) => ({ ...step, value: step.value ?? -Infinity }));
  const config = { mappings, unit, thresholds: { ...thresholds!, steps }, color: { mode: 'thresholds' } };
  const type = typeof value === 'string' ? FieldType.string : FieldType.number;
  const field = { name: 'x', type, config, values: [value] };
  const display = getDisplayProcessor({ field, theme: createTheme() })(value);
  return [formattedValueToString(display), display.color];
}

test('a service has a row of its own in each namespace', async () => {
  const table = panel('services', 'Which service needs me?');
  const services = ['beta', 'shop'].map((namespace) => ({ namespace, slo_service: 'checkout' }));
  const answers = table.targets!.map(({ expr }) =>
    services.map((labels, i): [Record<string, string>, number] => [
      expr.includes('count_values') ? { ...labels, n: '1', m: '3', targets: `${i + 1} of 3` } : labels,
      i,
    ]),
  );
  const rows = await rowsOf(table, answers);
  expect(rows).toHaveLength(2);
  expect(rows.map((row) => [row.Namespace, row.Service, row.Up, row.State, row.Failing, row['Budget left']])).toEqual([
    ['beta', 'checkout', '1 of 3', 0, 0, 0],
    ['shop', 'checkout', '2 of 3', 1, 1, 1],
  ]);
});

test('alerts and faults that are switched on stand in one table', async () => {
  const labels = { namespace: 'shop', slo_service: 'checkout' };
  const rows = await rowsOf(panel('service', 'What is wrong, or switched on, now?'), [
    [[{ ...labels, alertname: 'latency', alertstate: 'drill', fault: 'latency', pod: 'a' }, 1]],
    [[{ ...labels, alertname: 'CheckoutDown', alertstate: 'pending', severity: 'critical', runbook: 'target-down' }, 30]],
  ]);
  expect(rows).toEqual([
    { Alert: 'latency', State: 'drill', Age: undefined, Severity: undefined, Runbook: undefined },
    { Alert: 'CheckoutDown', State: 'pending', Age: 30, Severity: 'critical', Runbook: 'target-down' },
  ]);
});

test('a pod has a row for each of its problems, with its restarts', async () => {
  const rows = await rowsOf(panel('workload', 'Why is a pod not running?'), [
    [
      [{ pod: 'a', container: 'api', reason: 'CrashLoopBackOff' }, 1],
      [{ pod: 'a', container: 'api', reason: 'OOMKilled' }, 1],
      [{ pod: 'b' }, 0],
    ],
    [
      [{ pod: 'a' }, 3],
      [{ pod: 'b' }, 0],
    ],
  ]);
  expect(rows).toEqual([
    { Pod: 'a', Ready: 1, Reason: 'CrashLoopBackOff', Container: 'api', Restarts: 3 },
    { Pod: 'a', Ready: 1, Reason: 'OOMKilled', Container: 'api', Restarts: 3 },
    { Pod: 'b', Ready: 0, Reason: undefined, Container: undefined, Restarts: 0 },
  ]);
});

test('a target without a budget has a row too', async () => {
  const target = (job: string) => ({ namespace: 'shop', job, pod: `${job}-0`, instance: '10.0.0.1:80' });
  const both = (first: number, second: number): Array<[Record<string, string>, number]> => [
    [target('checkout'), first],
    [target('kubelet'), second],
  ];
  const budget = both(0.5, 0).slice(0, 1);
  const answers = [both(1, 0), budget, both(0, 9), both(1, 2)];
  const rows = await rowsOf(panel('platform', 'Which target is down, slow or large?'), answers);
  expect(rows.map((row) => [row.Job, row.Scrape, row['Of its budget'], row.Samples, row.Time])).toEqual([
    ['checkout', 1, 0.5, 0, 1],
    ['kubelet', 0, undefined, 9, 2],
  ]);
});

describe('a figure', () => {
  test.each([
    ['Failing', 0, '0%', COLORS.none],
    ['Failing', -1, 'no traffic', COLORS.idle],
    ['Failing', -2, 'down', COLORS.down],
    ['Failing', null, 'no data', COLORS.unknown],
    ['p99 latency', -1, 'not measured', COLORS.idle],
    ['p99 latency', -2, 'down', COLORS.down],
    ['Requests', 0, '0 req/s', COLORS.none],
    ['Requests', -2, 'down', COLORS.down],
    ['Budget left', null, 'no data', COLORS.unknown],
    ['State', 0, 'healthy', COLORS.good],
    ['State', 5, 'down', COLORS.down],
    ['State', null, 'no data', COLORS.unknown],
    ['Targets', '3 of 3', '3 of 3', COLORS.good],
    ['Targets', '1 of 3', '1 of 3', COLORS.warning],
    ['Targets', '10 of 1', '10 of 1', COLORS.warning],
    ['Targets', '0 of 3', '0 of 3', COLORS.down],
    ['Targets', '0 of 0', '0 of 0', COLORS.down],
  ])('%s, %s: %s', (title, value, text, color) => expectShown('service', title, value, text, color));

  test.each([
    ['workload', 'Ready', '2 of 3', '2 of 3', COLORS.warning],
    ['workload', 'Ready', '3 of 3', '3 of 3', COLORS.good],
    ['workload', 'Ready', '0 of 3', '0 of 3', COLORS.down],
    ['workload', 'Ready', null, 'no data', COLORS.unknown],
    ['workload', 'Restarts in the last hour', null, 'no data', COLORS.unknown],
    ['workload', 'Autoscaler', '3 of 10', '3 of 10', COLORS.none],
    ['workload', 'Autoscaler', '10 of 10', '10 of 10', COLORS.warning],
    ['workload', 'Autoscaler', null, 'no autoscaler', COLORS.idle],
    ['platform', 'Targets down', 0, 'none', COLORS.good],
    ['platform', 'Targets down', null, 'no data', COLORS.unknown],
    ['platform', 'Rules overdue', null, 'no data', COLORS.unknown],
    ['platform', 'Notifications lost', 0, 'none', COLORS.good],
    ['platform', 'Configuration', 0, 'rejected', COLORS.paging],
    ['platform', 'Configuration', 1, 'loaded', COLORS.good],
  ])('%s: %s, %s: %s', expectShown);
});

function expectShown(dashboard: string, title: string, value: number | string | null, text: string, color: string) {
  expect(shown(panel(dashboard, title), value)).toEqual([text, color]);
}
