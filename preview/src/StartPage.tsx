/** The start page: services, dashboards, processes, alerts, notifications and targets. */
import { dateTimeFormatTimeAgo } from '@grafana/data';
import { Badge, type BadgeColor } from '@grafana/ui';
import { useEffect, useState, type ReactNode } from 'react';

import { PreviewNotice } from './PreviewNotice';
import { format, type Address } from './address';
import type { Platform } from './platform';
import { ask, type Labels } from './prometheus';
import { fetchNotifications, fetchServices, type Notification, type Service } from './services';

const EVERY_MS = 5000;
const SHOWN_NOTIFICATIONS = 10;

interface Target {
  labels: Labels;
  scrapeUrl: string;
  health: 'up' | 'down' | 'unknown';
  lastScrape: string;
  lastScrapeDuration: number;
  lastError: string;
}

interface Alert {
  labels: Labels;
  annotations: Labels;
  state: 'pending' | 'firing';
  activeAt: string;
}

interface Snapshot {
  targets: Target[];
  alerts: Alert[];
  services: Service[];
  notifications: Notification[];
  error?: string;
}

const EMPTY: Snapshot = { targets: [], alerts: [], services: [], notifications: [] };
const COLORS: Record<string, BadgeColor> = {
  up: 'green',
  healthy: 'green',
  resolved: 'green',
  pending: 'orange',
  degraded: 'orange',
  warning: 'orange',
  critical: 'red',
  down: 'red',
  firing: 'red',
};

async function fetchSnapshot(receiver: string | undefined): Promise<Snapshot> {
  const [{ activeTargets: targets }, { alerts }] = await Promise.all([
    ask<{ activeTargets: Target[] }>('targets', new URLSearchParams({ state: 'active' })),
    ask<{ alerts: Alert[] }>('alerts', new URLSearchParams()),
  ]);
  const [services, notifications] = await Promise.all([
    fetchServices(alerts),
    receiver ? fetchNotifications(receiver) : [],
  ]);
  return { targets, alerts, services, notifications: notifications.slice(0, SHOWN_NOTIFICATIONS) };
}

/** The state of this moment, fetched again every few seconds; `receiver` is the URL of the receiver of alerts. */
function useSnapshot(receiver: string | undefined): Snapshot | undefined {
  const [snapshot, setSnapshot] = useState<Snapshot>();
  useEffect(() => {
    const run = () =>
      fetchSnapshot(receiver)
        .catch((error: Error): Snapshot => ({ ...EMPTY, error: error.message }))
        .then(setSnapshot);
    void run();
    const timer = setInterval(run, EVERY_MS);
    return () => clearInterval(timer);
  }, [receiver]);
  useEffect(() => {
    document.body.dataset.ready = String(snapshot !== undefined);
  }, [snapshot]);
  return snapshot;
}

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
              <td key={j}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const state = (text: string) => <Badge text={text} color={COLORS[text] ?? 'blue'} />;
const percent = (ratio: number | undefined, digits: number) =>
  ratio === undefined ? 'no data' : `${(100 * ratio).toFixed(digits)} %`;
const link = (url: string) => <a href={url}>{url}</a>;

/** The state of a process, from Prometheus' targets: Prometheus scrapes every process, itself included. */
function stateOf({ url }: { url: string }, { targets }: Snapshot): string {
  const own = targets.filter(({ scrapeUrl }) => scrapeUrl.startsWith(url));
  return own.length === 0 ? 'not monitored' : own.every(({ health }) => health === 'up') ? 'up' : 'down';
}

export function StartPage({ platform, address }: { platform: Platform; address: Address }) {
  const snapshot = useSnapshot(platform.parts.find(({ name }) => name === 'receiver')?.url);
  const folders = Map.groupBy(platform.dashboards, ({ folder }) => folder);
  return (
    <>
      <header>
        <h1>Platform</h1>
      </header>
      <main className="start">
        {snapshot && (
          <>
            <h2>Services</h2>
            <Table
              heads={['Service', 'Namespace', 'State', 'Requests', 'Errors', 'Error budget left', 'Firing']}
              rows={snapshot.services.map(({ name, namespace, state: now, requests, errors, budget, firing }) => [
                name,
                namespace,
                state(now),
                requests === undefined ? 'no data' : `${requests.toFixed(1)} per second`,
                percent(errors, 2),
                percent(budget, 0),
                firing.join(', ') || 'nothing',
              ])}
            />
          </>
        )}
        <h2>Dashboards</h2>
        {[...folders].map(([folder, dashboards]) => (
          <section key={folder}>
            <h3>{folder}</h3>
            <ul>
              {dashboards.map(({ uid, title }) => (
                <li key={uid}>
                  <a href={format({ dashboard: uid, theme: address.theme, variables: {} })}>{title}</a>
                </li>
              ))}
            </ul>
          </section>
        ))}
        {snapshot?.error && (
          <p role="alert" className="preview-message">
            {snapshot.error}
          </p>
        )}
        {snapshot && (
          <>
            <h2>Processes</h2>
            <Table
              heads={['Process', 'State', 'Address']}
              rows={platform.parts.map((part) => [part.name, state(stateOf(part, snapshot)), link(part.url)])}
            />
            <h2>Current alerts</h2>
            {snapshot.alerts.length === 0 && <p>{snapshot.error ? 'Unknown.' : 'No alert is pending or firing.'}</p>}
            {snapshot.alerts.length > 0 && (
              <Table
                heads={['Alert', 'State', 'Severity', 'Since', 'Summary']}
                rows={snapshot.alerts.map(({ labels, annotations, state: now, activeAt }) => [
                  labels.alertname,
                  state(now),
                  labels.severity,
                  dateTimeFormatTimeAgo(activeAt),
                  annotations.summary,
                ])}
              />
            )}
            <h2>Last notifications</h2>
            {snapshot.notifications.length === 0 && <p>None was delivered yet.</p>}
            {snapshot.notifications.length > 0 && (
              <Table
                heads={['Delivered', 'To', 'Alert', 'Status', 'Service', 'Summary']}
                rows={snapshot.notifications.map(({ at, receiver, status, labels, annotations }) => [
                  dateTimeFormatTimeAgo(1000 * at),
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
              heads={['Job', 'Instance', 'State', 'Last scrape', 'Duration', 'Error']}
              rows={snapshot.targets.map(({ labels, health, lastScrape, lastScrapeDuration, lastError, scrapeUrl }) => [
                labels.job,
                <a href={scrapeUrl}>{labels.instance ?? scrapeUrl}</a>,
                state(health),
                dateTimeFormatTimeAgo(lastScrape),
                `${Math.round(lastScrapeDuration * 1000)} ms`,
                lastError,
              ])}
            />
          </>
        )}
      </main>
      <PreviewNotice />
    </>
  );
}
