/** Tests of the start page's figures and of the order of services and alerts. */
import { afterEach, expect, test, vi } from 'vitest';

import { byUrgency, fetchServices, write, type Alert, type Figure } from '../src/services';

const FIGURE: Figure = { name: 'f', heading: 'F', query: 'f', scale: 100, digits: 2, unit: '%', of: '', label: '' };
const one = (value: number, labels = {}) => ({ metric: labels, values: [[0, String(value)] as [number, string]] });

afterEach(() => vi.unstubAllGlobals());

/** Answers the queries of Prometheus from a table: the values of services by query. */
function record(answers: Record<string, Record<string, number>>) {
  const fetched = async (url: string) => {
    const query = new URL(url).searchParams.get('query') ?? '';
    const result = Object.entries(answers[query] ?? {}).map(([name, value]) => ({
      metric: { namespace: 'shop', slo_service: name },
      value: [0, String(value)],
    }));
    return { ok: true, json: async () => ({ status: 'success', data: { resultType: 'vector', result } }) };
  };
  vi.stubGlobal('fetch', fetched);
  vi.stubGlobal('document', { baseURI: 'http://prometheus.example/user/' });
}

test('figures are written with their unit, as a share of a whole, or as labels', () => {
  expect(write(FIGURE, [one(0.21)], undefined)).toBe('21.00%');
  expect(write({ ...FIGURE, scale: 1, digits: 0, unit: '' }, [one(1)], one(2))).toBe('1 of 2');
  const versions = ['1.1.0', '1.0.0', '1.1.0'].map((version) => one(1, { version }));
  expect(write({ ...FIGURE, label: 'version' }, versions, undefined)).toBe('1.0.0, 1.1.0');
});

test('the service that is worst comes first, and missing figures stay undefined', async () => {
  record({ state: { idle: 1, checkout: 4, basket: 4, dead: 5 }, failing: { checkout: 0.21, basket: 1 } });
  const figures = [{ ...FIGURE, name: 'failing', query: 'failing' }];
  const states = ['healthy', 'no traffic', 'degraded', 'ticket', 'paging', 'down'];
  const services = await fetchServices({ state: 'state', states, figures });
  expect(services.map(({ name, state, texts }) => [name, state, ...texts])).toEqual([
    ['dead', 'down', undefined],
    ['basket', 'paging', '100.00%'],
    ['checkout', 'paging', '21.00%'],
    ['idle', 'no traffic', undefined],
  ]);
});

test('firing alerts come before pending ones, critical before warnings, the oldest first', () => {
  const alert = (state: Alert['state'], severity: string, activeAt: string): Alert => ({
    labels: { severity },
    annotations: {},
    state,
    activeAt,
  });
  const sorted = [
    alert('firing', 'critical', '2026-01-01T10:00:00Z'),
    alert('firing', 'critical', '2026-01-01T11:00:00Z'),
    alert('firing', 'warning', '2026-01-01T09:00:00Z'),
    alert('pending', 'critical', '2026-01-01T08:00:00Z'),
    alert('pending', 'warning', '2026-01-01T07:00:00Z'),
  ];
  expect(byUrgency(sorted.toReversed())).toEqual(sorted);
});
