/** A client of Prometheus' HTTP API. The same Prometheus serves this page. */

export type Labels = Record<string, string>;
export type Sample = [seconds: number, value: string];
export interface Series {
  metric: Labels;
  values: Sample[];
}

interface VectorEntry {
  metric: Labels;
  value: Sample;
}

type QueryData =
  | { resultType: 'matrix'; result: Series[] }
  | { resultType: 'vector'; result: VectorEntry[] }
  | { resultType: 'scalar' | 'string'; result: Sample };

/** Address of Prometheus: the page is served at <Prometheus>/user/. */
const prometheus = () => new URL('../', document.baseURI).href;

/** The `data` of an API response; throws an error whose message is fit to show to the reader. */
export async function ask<T>(path: string, parameters: URLSearchParams, signal?: AbortSignal): Promise<T> {
  let response: Response;
  let body: { status?: string; data?: T; error?: string };
  try {
    response = await fetch(`${prometheus()}api/v1/${path}?${parameters}`, { signal });
    body = await response.json();
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(`Prometheus at ${prometheus()} does not answer.`, { cause: error });
  }
  if (body.status !== 'success') {
    throw new Error(`Prometheus returned an error: ${body.error ?? response.statusText}`);
  }
  return body.data as T;
}

/** The series of a range query; start, end and step in seconds. */
export async function queryRange(
  query: string,
  window: { start: number; end: number; step: number },
  signal?: AbortSignal,
): Promise<Series[]> {
  const parameters = new URLSearchParams({ query });
  for (const [name, value] of Object.entries(window)) {
    parameters.set(name, String(value));
  }
  const data = await ask<QueryData>('query_range', parameters, signal);
  return data.resultType === 'matrix' ? data.result : [];
}

/** The series of an instant query at `time`, in seconds since 1970. */
export async function queryInstant(query: string, time: number, signal?: AbortSignal): Promise<Series[]> {
  const data = await ask<QueryData>('query', new URLSearchParams({ query, time: String(time) }), signal);
  switch (data.resultType) {
    case 'matrix':
      return data.result;
    case 'vector':
      return data.result.map(({ metric, value }) => ({ metric, values: [value] }));
    default:
      return [{ metric: {}, values: [data.result] }];
  }
}

/** The values of a label; with a selector, only those of matching series. */
export function labelValues(label: string, selector: string | undefined, window: { start: number; end: number }) {
  const parameters = new URLSearchParams({ start: String(window.start), end: String(window.end) });
  if (selector) {
    parameters.set('match[]', selector);
  }
  return ask<string[]>(`label/${encodeURIComponent(label)}/values`, parameters);
}

export interface Exemplar {
  labels: Labels;
  value: string;
  timestamp: number;
}

export async function queryExemplars(query: string, window: { start: number; end: number }, signal?: AbortSignal) {
  const parameters = new URLSearchParams({ query, start: String(window.start), end: String(window.end) });
  const found = await ask<Array<{ seriesLabels: Labels; exemplars: Exemplar[] }>>(
    'query_exemplars',
    parameters,
    signal,
  );
  return found.flatMap(({ exemplars }) => exemplars);
}
