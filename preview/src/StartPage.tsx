/** What runs, what Prometheus sees of it, and the dashboards. */
import { dateTimeFormatTimeAgo } from '@grafana/data';
import { Badge, type BadgeColor } from '@grafana/ui';
import { useEffect, useState, type ReactNode } from 'react';

import { NotGrafana } from './NotGrafana';
import { format, type Address } from './address';
import type { Platform } from './platform';
import { ask, type Labels } from './prometheus';

const EVERY_MS = 5000;

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

interface Seen {
  targets: Target[];
  alerts: Alert[];
  error?: string;
}

const COLORS: Record<string, BadgeColor> = { up: 'green', down: 'red', firing: 'red', pending: 'orange' };

async function look(): Promise<Seen> {
  const [{ activeTargets: targets }, { alerts }] = await Promise.all([
    ask<{ activeTargets: Target[] }>('targets', new URLSearchParams({ state: 'active' })),
    ask<{ alerts: Alert[] }>('alerts', new URLSearchParams()),
  ]);
  return { targets, alerts };
}

function useSeen(): Seen | undefined {
  const [seen, setSeen] = useState<Seen>();
  useEffect(() => {
    const run = () =>
      look()
        .catch((error: Error): Seen => ({ targets: [], alerts: [], error: error.message }))
        .then(setSeen);
    void run();
    const timer = setInterval(run, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    document.body.dataset.ready = String(seen !== undefined);
  }, [seen]);
  return seen;
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
const link = (url: string) => <a href={url}>{url}</a>;

/** Prometheus watches every part, itself too. */
function stateOf({ url }: { url: string }, { targets }: Seen): string {
  const own = targets.filter(({ scrapeUrl }) => scrapeUrl.startsWith(url));
  return own.length === 0 ? 'not watched' : own.every(({ health }) => health === 'up') ? 'up' : 'down';
}

export function StartPage({ platform, address }: { platform: Platform; address: Address }) {
  const seen = useSeen();
  const folders = Map.groupBy(platform.dashboards, ({ folder }) => folder);
  return (
    <>
      <header>
        <h1>Platform</h1>
      </header>
      <main className="start">
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
        {seen?.error && (
          <p role="alert" className="nothing">
            {seen.error}
          </p>
        )}
        {seen && (
          <>
            <h2>What runs</h2>
            <Table
              heads={['Part', 'State', 'Address']}
              rows={platform.parts.map((part) => [part.name, state(stateOf(part, seen)), link(part.url)])}
            />
            <h2>Alerts now</h2>
            {seen.alerts.length === 0 && <p>{seen.error ? 'Unknown.' : 'None is pending or firing.'}</p>}
            {seen.alerts.length > 0 && (
              <Table
                heads={['Alert', 'State', 'Severity', 'Since', 'Summary']}
                rows={seen.alerts.map(({ labels, annotations, state: now, activeAt }) => [
                  labels.alertname,
                  state(now),
                  labels.severity,
                  dateTimeFormatTimeAgo(activeAt),
                  annotations.summary,
                ])}
              />
            )}
            <h2>Targets</h2>
            <Table
              heads={['Job', 'Instance', 'State', 'Last scrape', 'Took', 'Error']}
              rows={seen.targets.map(({ labels, health, lastScrape, lastScrapeDuration, lastError, scrapeUrl }) => [
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
      <NotGrafana />
    </>
  );
}
