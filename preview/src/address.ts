/** The page's state, all of it in its address: a link shows another reader the same. */
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

export function parse(search: string): Address {
  const parameters = new URLSearchParams(search);
  const names = [...new Set(parameters.keys())].filter((key) => key.startsWith(PREFIX));
  const get = (name: string) => parameters.get(name) ?? undefined;
  return {
    dashboard: get('dashboard'),
    from: get('from'),
    to: get('to'),
    refresh: get('refresh'),
    theme: get('theme'),
    variables: Object.fromEntries(names.map((name) => [name.slice(PREFIX.length), parameters.getAll(name)])),
  };
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

/** The address's search part, kept up to date. */
export const useSearch = () => useSyncExternalStore(subscribe, () => location.search);

export function go(address: Address): void {
  history.pushState(null, '', format(address));
  dispatchEvent(new PopStateEvent('popstate'));
}

/** A dashboard's or panel's links as addresses; `/d/<uid>` leads to the preview of that dashboard. */
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
    const to = (uid: string) => format({ ...carried, dashboard: uid });
    if (link.type === 'dashboards') {
      return platform.dashboards
        .filter(({ tags, uid }) => uid !== address.dashboard && (link.tags ?? []).every((tag) => tags.includes(tag)))
        .map(({ uid, title }) => ({ title, href: to(uid), blank: link.targetBlank }));
    }
    const url = replace(link.url ?? '');
    const uid = /^\/d\/([^/?]+)/.exec(url)?.[1];
    const safe = uid !== undefined || /^(https?:|[^:]*$)/.test(url);
    return safe ? [{ title: replace(link.title), href: uid ? to(uid) : url, blank: link.targetBlank }] : [];
  });
}
