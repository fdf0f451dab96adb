/** The start page: services, alerts, dashboards, processes, notifications and targets. */
import { dateTimeFormatTimeAgo } from '@grafana/data';
import { useEffect, useState, type ReactNode } from 'react';

import { PreviewNotice } from './PreviewNotice';
import { format, fromGrafana, type Address } from './address';
import type { Platform } from './platform';
import { ask, type Labels } from './prometheus';
import {
  byUrgency,
  fetchNotifications,
  fetchServices,
  keyOf,
  type Alert,
  type Notification,
  type Service,
} from './services';

const EVERY_MS = 5000;
const SHOWN_NOTIFICATIONS = 10;
const SERVICE_DASHBOARD = 'observability-platform-service';

interface Target {
  labels: Labels;
  scrapeUrl: string;
  health: 'up' | 'down' | 'unknown';
  lastScrape: string;
  lastScrapeDuration: number;
  lastError: string;
}

interface Snapshot {
  targets: Target[];
  alerts: Alert[];
  services: Service[];
  notifications: Notification[];
  error?: string;
}

const EMPTY: Snapshot = { targets: [], alerts: [], services: [], notifications: [] };
// The colours of the dashboards. A target that answers scrapes may still fail every request: that is not green.
const COLORS: Record<string, string> = {
  healthy: '#009E73',
  resolved: '#009E73',
  'no traffic': '#808080',
  'not monitored': '#808080',
  degraded: '#E69F00',
  ticket: '#E69F00',
  pending: '#E69F00',
  paging: '#D55E00',
  firing: '#D55E00',
  down: '#A0001C',
  'does not answer': '#A0001C',
  'answers scrapes': '#56B4E9',
};

async function fetchSnapshot({ services: asked, parts }: Platform): Promise<Snapshot> {
  const receiver = parts.find(({ name }) => name === 'receiver');
  const [{ activeTargets: targets }, { alerts }, services, notifications] = await Promise.all([
    ask<{ activeTargets: Target[] }>('targets', new URLSearchParams({ state: 'active' })),
    ask<{ alerts: Alert[] }>('alerts', new URLSearchParams()),
    fetchServices(asked),
    receiver ? fetchNotifications(receiver.url) : [],
  ]);
  return { targets, alerts: byUrgency(alerts), services, notifications: notifications.slice(0, SHOWN_NOTIFICATIONS) };
}

/** The state of this moment, fetched again every few seconds. */
function useSnapshot(platform: Platform): Snapshot | undefined {
  const [snapshot, setSnapshot] = useState<Snapshot>();
  useEffect(() => {
    const run = () =>
      fetchSnapshot(platform)
        .catch((error: Error): Snapshot => ({ ...EMPTY, error: error.message }))
        .then(setSnapshot);
    void run();
    const timer = setInterval(run, EVERY_MS);
    return () => clearInterval(timer);
  }, [platform]);
  useEffect(() => {
    document.body.dataset.ready = String(snapshot !== undefined);
  }, [snapshot]);
  return snapshot;
}

/** A table; on a narrow screen each row becomes a card, where every cell repeats its heading. */
function Table({ heads, rows }: { heads: string[]; rows: ReactNode[][] }) {
  return (
    <table>
      <thead>
        <tr>
          {heads.map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, i) => (
          <tr key={i}>
            {row.map((cell, j) => (
              <td key={j} data-head={heads[j]}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const state = (text: string) => (
  <span className="state">
    <i style={{ background: COLORS[text] ?? '#CC79A7' }} />
    {text}
  </span>
);
const ago = (time: string | number) => dateTimeFormatTimeAgo(time);
const link = (href: string | undefined, text: string) => (href ? <a href={href}>{text}</a> : text);

function answersOf(targets: Target[]): string {
  return targets.length === 0
    ? 'not monitored'
    : targets.every(({ health }) => health === 'up')
      ? 'answers scrapes'
      : 'does not answer';
}

/** Where links lead; undefined where the dashboard or the runbook is not published. */
function useLeads({ dashboards, runbooks }: Platform, { theme }: Address) {
  const leadTo = (address: Address) =>
    dashboards.some(({ uid }) => uid === address.dashboard) ? format({ theme, ...address }) : undefined;
  const ofService = (namespace = '', service = '') =>
    leadTo({ dashboard: SERVICE_DASHBOARD, variables: { namespace: [namespace], service: [service] } });
  const ofAlert = ({ labels, annotations }: Alert) => {
    const given = fromGrafana(annotations.dashboard_url?.replace(/^https?:.*?(?=\/d\/)/, '') ?? '');
    return (given && leadTo(given)) ?? (labels.slo_service ? ofService(labels.namespace, labels.slo_service) : undefined);
  };
  const runbookOf = ({ labels: { runbook = '' }, annotations }: Alert) =>
    annotations.runbook_url ?? (runbooks.includes(runbook) ? `runbooks/${runbook}.md` : undefined);
  return { leadTo, ofService, ofAlert, runbookOf };
}

interface Props {
  platform: Platform;
  address: Address;
}

function Sections({ platform, address, snapshot }: Props & { snapshot: Snapshot }) {
  const { services, alerts, notifications, targets, error } = snapshot;
  const { leadTo, ofService, ofAlert, runbookOf } = useLeads(platform, address);
  const states = new Map(services.map(({ namespace, name, state: now }) => [keyOf(namespace, name), now]));
  const folders = Map.groupBy(platform.dashboards, ({ folder }) => folder);
  return (
    <>
      <h2>Services</h2>
      <Table
        heads={['Service', 'Namespace', 'State', ...platform.services.figures.map(({ heading }) => heading)]}
        rows={services.map(({ name, namespace, state: now, texts }) => [
          link(ofService(namespace, name), name),
          namespace,
          state(now),
          ...texts.map((text) => text ?? 'no data'),
        ])}
      />
      <h2>Pending and firing alerts</h2>
      {alerts.length === 0 && <p>{error ? 'Unknown.' : 'No alert is pending or firing.'}</p>}
      {alerts.length > 0 && (
        <Table
          heads={['Alert', 'State', 'Severity', 'Since', 'What happens', 'Look at']}
          rows={alerts.map((alert) => [
            alert.labels.alertname,
            state(alert.state),
            alert.labels.severity,
            ago(alert.activeAt),
            <>
              <strong>{alert.annotations.summary}</strong>
              <br />
              {alert.annotations.description}
            </>,
            <span className="links">
              {ofAlert(alert) && link(ofAlert(alert), 'Dashboard')}
              {runbookOf(alert) && link(runbookOf(alert), 'Runbook')}
            </span>,
          ])}
        />
      )}
      <h2>Dashboards</h2>
      {[...folders].map(([folder, dashboards]) => (
        <section key={folder}>
          <h3>{folder}</h3>
          <ul>
            {dashboards.map(({ uid, title }) => (
              <li key={uid}>{link(leadTo({ dashboard: uid, variables: {} }), title)}</li>
            ))}
          </ul>
        </section>
      ))}
      <h2>Processes</h2>
      <Table
        heads={['Process', 'Scrapes', 'Service', 'Address', 'Pages']}
        rows={platform.parts.map(({ name, url, pages }) => {
          const own = targets.filter(({ scrapeUrl }) => scrapeUrl.startsWith(`${url}/`));
          const now = own.map(({ labels }) => states.get(keyOf(labels.namespace, labels.job))).find(Boolean);
          return [
            name,
            state(answersOf(own)),
            now ? state(now) : '',
            url,
            <span className="links">
              {Object.entries(pages).map(([title, path]) => (
                <a key={path} href={url + path}>
                  {title}
                </a>
              ))}
            </span>,
          ];
        })}
      />
      <h2>Last notifications</h2>
      {notifications.length === 0 && <p>None was delivered yet.</p>}
      {notifications.length > 0 && (
        <Table
          heads={['Delivered', 'To', 'Alert', 'Status', 'Service', 'Summary']}
          rows={notifications.map(({ at, receiver, status, labels, annotations }) => [
            ago(1000 * at),
            receiver,
            labels.alertname,
            state(status),
            labels.slo_service,
            annotations.summary,
          ])}
        />
      )}
      <h2>Targets</h2>
      <Table
        heads={['Job', 'Instance', 'Scrapes', 'Last scrape', 'Duration', 'Error']}
        rows={targets.map((target) => [
          target.labels.job,
          link(target.scrapeUrl, target.labels.instance ?? target.scrapeUrl),
          state(answersOf([target])),
          ago(target.lastScrape),
          `${Math.round(target.lastScrapeDuration * 1000)} ms`,
          target.lastError,
        ])}
      />
    </>
  );
}

export function StartPage({ platform, address }: Props) {
  const snapshot = useSnapshot(platform);
  return (
    <>
      <header>
        <h1>Platform</h1>
      </header>
      <main className="start">
        {snapshot?.error && (
          <p role="alert" className="preview-message">
            {snapshot.error}
          </p>
        )}
        {snapshot && <Sections {...{ platform, address, snapshot }} />}
      </main>
      <PreviewNotice />
    </>
  );
}
