/** The services that the platform watches: the state and figures that the status table of the lab has, too. */
import { queryInstant, type Labels, type Series } from './prometheus';

/** How a figure of each service is queried and written, as lab/figures.py describes it. */
export interface Figure {
  name: string;
  heading: string;
  query: string;
  scale: number;
  digits: number;
  unit: string;
  of: string;
  label: string;
}

/** What platform.json says about services. */
export interface ServiceFigures {
  /** The query for the states, and the words for its values, 0 first. */
  state: string;
  states: string[];
  figures: Figure[];
}

export interface Service {
  namespace: string;
  name: string;
  state: string;
  /** The figures in the order of ServiceFigures; undefined without data. */
  texts: Array<string | undefined>;
}

export interface Alert {
  labels: Labels;
  annotations: Labels;
  state: 'pending' | 'firing';
  activeAt: string;
}

export interface Notification {
  at: number;
  receiver: string;
  status: 'firing' | 'resolved';
  labels: Labels;
  annotations: Labels;
}

export const keyOf = (namespace = '', name = '') => `${namespace}/${name}`;

const valueOf = (series: Series) => Number(series.values[0]?.[1]);

/** The series of an instant query by service. */
async function byService(query: string): Promise<Map<string, Series[]>> {
  const found = query ? await queryInstant(query, Date.now() / 1000) : [];
  const grouped = new Map<string, Series[]>();
  for (const series of found) {
    const id = keyOf(series.metric.namespace, series.metric.slo_service);
    grouped.set(id, [...(grouped.get(id) ?? []), series]);
  }
  return grouped;
}

/** A figure in words, such as "21.00 %" or "1 of 2". */
export function write({ scale, digits, unit, label }: Figure, parts: Series[], whole: Series | undefined): string {
  if (label) {
    return [...new Set(parts.map(({ metric }) => metric[label] ?? ''))].sort().join(', ');
  }
  const text = `${(valueOf(parts[0]!) * scale).toFixed(digits)}${unit}`;
  return whole ? `${text} of ${valueOf(whole)}` : text;
}

/** The services, the worst first. */
export async function fetchServices({ state, states, figures }: ServiceFigures): Promise<Service[]> {
  const [found, ...answers] = await Promise.all([
    byService(state),
    ...figures.map(async ({ query, of }) => Promise.all([byService(query), byService(of)])),
  ]);
  const failing = answers[figures.findIndex(({ name }) => name === 'failing')]?.[0];
  const rank = (id: string, series: Series[]): [number, number] => {
    const [ratio] = failing?.get(id) ?? [];
    return [valueOf(series[0]!), ratio ? valueOf(ratio) : 0];
  };
  return [...found]
    .map(([id, series]) => ({ id, rank: rank(id, series) }))
    .sort((a, b) => b.rank[0] - a.rank[0] || b.rank[1] - a.rank[1] || a.id.localeCompare(b.id))
    .map(({ id, rank: [value] }) => {
      const [namespace = '', name = ''] = id.split('/');
      const texts = answers.map(([parts, wholes], i) => {
        const own = parts.get(id);
        return own && write(figures[i]!, own, wholes.get(id)?.[0]);
      });
      return { namespace, name, state: states[value] ?? String(value), texts };
    });
}

/** Alerts by urgency: firing before pending, critical before the others, the oldest first. */
export function byUrgency(alerts: Alert[]): Alert[] {
  const rank = ({ state, labels, activeAt }: Alert) =>
    `${state === 'firing' ? 0 : 1}${labels.severity === 'critical' ? 0 : 1}${activeAt}`;
  return alerts.toSorted((a, b) => rank(a).localeCompare(rank(b)));
}

/** What the receiver at `url` got, the newest first. */
export async function fetchNotifications(url: string): Promise<Notification[]> {
  try {
    return (await (await fetch(`${url}/notifications`)).json()) as Notification[];
  } catch (error) {
    throw new Error(`The receiver at ${url} does not answer.`, { cause: error });
  }
}
