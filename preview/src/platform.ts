/** What the lab wrote beside this page: the platform's parts and its dashboards. */
import { toDashboard, type Dashboard } from './dashboard';

export interface DashboardEntry {
  file: string;
  folder: string;
  uid: string;
  title: string;
  tags: string[];
}

export interface Platform {
  /** Interval of the data source, such as "30s": the shortest step that makes sense. */
  scrapeInterval: string;
  parts: Array<{ name: string; url: string }>;
  dashboards: DashboardEntry[];
}

async function read(file: string): Promise<unknown> {
  const response = await fetch(file, { cache: 'no-store' });
  if (!response.ok) {
    throw new Error(`${file} is not there (HTTP ${response.status}).`);
  }
  return response.json().catch((error: unknown) => {
    throw new Error(`${file} is no JSON.`, { cause: error });
  });
}

export async function loadPlatform(): Promise<Platform> {
  return (await read('platform.json')) as Platform;
}

export async function loadDashboard(platform: Platform, uid: string): Promise<Dashboard> {
  const entry = platform.dashboards.find((dashboard) => dashboard.uid === uid);
  if (!entry) {
    const known = platform.dashboards.map((dashboard) => dashboard.uid).join(', ') || 'none';
    throw new Error(`There is no dashboard "${uid}". There are: ${known}.`);
  }
  return toDashboard(await read(`dashboards/${entry.file.split('/').map(encodeURIComponent).join('/')}`), entry.file);
}
