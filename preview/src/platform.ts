/** The files that the lab publishes beside this page: the list of processes, and the dashboards. */
import { toDashboard, type Dashboard } from './dashboard';
import type { ServiceFigures } from './services';

export interface DashboardEntry {
  file: string;
  folder: string;
  uid: string;
  title: string;
  tags: string[];
}

export interface Platform {
  /** Scrape interval of the data source, such as "30s": the smallest useful query step. */
  scrapeInterval: string;
  /** The running processes, each with the pages that a browser can show of it: paths by title. */
  parts: Array<{ name: string; url: string; pages: Record<string, string> }>;
  services: ServiceFigures;
  /** Names of the runbooks that lie beside this page, in runbooks/<name>.md. */
  runbooks: string[];
  dashboards: DashboardEntry[];
}

async function read(file: string): Promise<unknown> {
  const response = await fetch(file, { cache: 'no-store' });
  if (!response.ok) {
    throw new Error(`${file} could not be loaded (HTTP ${response.status}).`);
  }
  return response.json().catch((error: unknown) => {
    throw new Error(`${file} is not valid JSON.`, { cause: error });
  });
}

export async function loadPlatform(): Promise<Platform> {
  return (await read('platform.json')) as Platform;
}

export async function loadDashboard(platform: Platform, uid: string): Promise<Dashboard> {
  const entry = platform.dashboards.find((dashboard) => dashboard.uid === uid);
  if (!entry) {
    const known = platform.dashboards.map((dashboard) => dashboard.uid).join(', ') || 'none';
    throw new Error(`No dashboard has the uid "${uid}". Available: ${known}.`);
  }
  return toDashboard(await read(`dashboards/${entry.file.split('/').map(encodeURIComponent).join('/')}`), entry.file);
}
