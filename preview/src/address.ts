/** The state of the page, kept entirely in its address, so that a copied link shows the same view. */
import { useSyncExternalStore } from 'react';

import type { Link } from './dashboard';
import type { Platform } from './platform';
import type { Scope } from './variables';

export interface Address {
  dashboard?: string;
  from?: string;
  to?: string;
  refresh?: string;
  theme?: string;
  variables: Record<string, string[]>;
}

const PREFIX = 'var-';
const KEYS = ['dashboard', 'from', 'to', 'refresh', 'theme'];

export function parse(search: string): Address {
  const parameters = new URLSearchParams(search);
  const own = [...parameters].filter(([name]) => KEYS.includes(name));
  const names = [...new Set(parameters.keys())].filter((name) => name.startsWith(PREFIX));
  const variables = names.map((name) => [name.slice(PREFIX.length), parameters.getAll(name)]);
  return { ...Object.fromEntries(own), variables: Object.fromEntries(variables) };
}

/** The preview's address for a dashboard path of Grafana, such as /d/<uid>/<name>?var-job=x. */
export function fromGrafana(url: string): Address | undefined {
  const [, uid, search = ''] = /^\/d\/([^/?]+)[^?]*(\?.*)?$/.exec(url) ?? [];
  return uid ? { ...parse(search), dashboard: uid } : undefined;
}

/** Where a link of a dashboard leads: to the preview's own page of `/d/<uid>`, else to the given address. */
export function leadTo(url: string, theme: string | undefined): string {
  const inside = fromGrafana(url);
  return inside ? format({ theme, ...inside }) : url;
}

export function format({ variables, ...own }: Address): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined) {
      parameters.set(name, value);
    }
  }
  for (const [name, values] of Object.entries(variables)) {
    values.forEach((value) => parameters.append(PREFIX + name, value));
  }
  return `?${parameters}`;
}

function subscribe(changed: () => void): () => void {
  addEventListener('popstate', changed);
  return () => removeEventListener('popstate', changed);
}

/** The query string of the page's address; components that use it re-render when it changes. */
export const useSearch = () => useSyncExternalStore(subscribe, () => location.search);

/** Goes to another address, as a new entry in the history of the browser. */
export function navigate(address: Address): void {
  history.pushState(null, '', format(address));
  dispatchEvent(new PopStateEvent('popstate'));
}

/** The links of a dashboard or panel, ready to show; links to Grafana dashboards lead to their previews. */
export function hrefs(
  links: Link[],
  address: Address,
  scope: Scope,
  platform: Platform,
  replace: (text: string) => string,
) {
  const values = Object.entries(scope).flatMap(([name, found]) =>
    typeof found === 'string' ? [] : [[name, found.value]],
  );
  return links.flatMap((link) => {
    const carried: Address = {
      theme: address.theme,
      ...(link.keepTime && { from: address.from, to: address.to, refresh: address.refresh }),
      variables: link.includeVars ? Object.fromEntries(values) : {},
    };
    if (link.type === 'dashboards') {
      return platform.dashboards
        .filter(({ tags, uid }) => uid !== address.dashboard && (link.tags ?? []).every((tag) => tags.includes(tag)))
        .toSorted((one, other) => one.title.localeCompare(other.title)) // as Grafana's menus are
        .map(({ uid, title }) => ({ title, href: format({ ...carried, dashboard: uid }), blank: link.targetBlank }));
    }
    const url = replace(link.url ?? '');
    const inside = fromGrafana(url);
    const href = inside
      ? format({ ...carried, ...inside, variables: { ...carried.variables, ...inside.variables } })
      : url;
    // Drop other schemes: a javascript: address would run as code.
    return /^(https?:|[^:]*$|\?)/.test(href) ? [{ title: replace(link.title), href, blank: link.targetBlank }] : [];
  });
}
