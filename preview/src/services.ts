/** The services that the platform watches, from the series that charts/slo records, and what was delivered last. */
import { queryInstant, type Labels } from './prometheus';

/** The words for the values of service:state, 0 first. */
const STATES = ['healthy', 'no traffic', 'degraded', 'warning', 'critical', 'down'];

export interface Service {
  namespace: string;
  name: string;
  state: string;
  /** Requests per second, the share that fails, and the share of the error budget that is left. */
  requests: number | undefined;
  errors: number | undefined;
  budget: number | undefined;
  firing: string[];
}

export interface Notification {
  at: number;
  receiver: string;
  status: 'firing' | 'resolved';
  labels: Labels;
  annotations: Labels;
}

const BY = 'by (namespace, slo_service)';
const QUERIES = {
  state: 'service:state',
  requests: `sum ${BY} (service:requests:rate)`,
  errors: 'slo:bad_requests_per_requests:ratio_rate5m{slo_indicator="availability"}',
  budget: `min ${BY} (slo:error_budget_remaining:ratio)`,
};

const key = ({ namespace = '', slo_service = '' }: Labels) => `${namespace}/${slo_service}`;

/** The values of an instant query by service. */
async function byService(query: string): Promise<Map<string, number>> {
  const series = await queryInstant(query, Date.now() / 1000);
  return new Map(series.map(({ metric, values }) => [key(metric), Number(values[0]?.[1])]));
}

/** The services, ordered by namespace and name; `alerts` are Prometheus' current ones. */
export async function fetchServices(alerts: Array<{ labels: Labels; state: string }>): Promise<Service[]> {
  const [states, requests, errors, budget] = await Promise.all([
    byService(QUERIES.state),
    byService(QUERIES.requests),
    byService(QUERIES.errors),
    byService(QUERIES.budget),
  ]);
  return [...states]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([id, state]) => {
      const [namespace = '', name = ''] = id.split('/');
      const firing = alerts.filter((alert) => alert.state === 'firing' && key(alert.labels) === id);
      return {
        namespace,
        name,
        state: STATES[state] ?? String(state),
        requests: requests.get(id),
        errors: errors.get(id),
        budget: budget.get(id),
        // A critical alert and its warning share the name.
        firing: [...new Set(firing.map(({ labels }) => labels.alertname ?? ''))],
      };
    });
}

/** What the receiver at `url` got, the newest first. */
export async function fetchNotifications(url: string): Promise<Notification[]> {
  try {
    return (await (await fetch(`${url}/notifications`)).json()) as Notification[];
  } catch (error) {
    throw new Error(`The receiver at ${url} does not answer.`, { cause: error });
  }
}
