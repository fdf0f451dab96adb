/** The page of one dashboard: its controls, and its panels on the grid. */
import { rangeUtil, type TimeRange } from '@grafana/data';
import { Dropdown, Icon, Menu, ToolbarButton } from '@grafana/ui';
import { useCallback, useEffect, useMemo, useRef, useState, type CSSProperties } from 'react';

import { PreviewNotice, unsupported } from './PreviewNotice';
import { format, hrefs, leadTo, navigate, type Address } from './address';
import { Controls } from './Controls';
import type { Dashboard } from './dashboard';
import { layout } from './layout';
import { PanelFrame } from './PanelFrame';
import type { Platform } from './platform';
import { queryAnnotations, toRange, type Mark } from './query';
import { interpolate, resolve, type Scope, type Variable } from './variables';

interface Props {
  platform: Platform;
  dashboard: Dashboard;
  address: Address;
}

interface Moment {
  range: TimeRange;
  variables: Record<string, Variable>;
  marks: Mark[];
}

interface Loaded {
  moment?: Moment;
  error?: string;
}

const MIN_REFRESH_MS = 1000;

/** The time range in absolute terms, the variables and the annotations; loaded again on each refresh. */
function useLoaded({ dashboard, address }: Props, from: string, to: string, refresh: string) {
  const [loaded, setLoaded] = useState<Loaded>({});
  const [tick, setTick] = useState(0);
  const reload = useCallback(() => setTick((before) => before + 1), []);
  const asked = JSON.stringify(address.variables);
  useEffect(() => {
    let current = true;
    const load = async (): Promise<Loaded> => {
      const range = toRange(from, to);
      const window = { start: range.from.unix(), end: range.to.unix() };
      const variables = await resolve(dashboard, JSON.parse(asked) as Address['variables'], window);
      const marks = await queryAnnotations(dashboard.annotations?.list ?? [], variables, range);
      return { moment: { range, variables, marks } };
    };
    load()
      .catch((error: Error): Loaded => ({ error: error.message }))
      .then((next) => current && setLoaded(next));
    return () => {
      current = false;
    };
  }, [dashboard, asked, from, to, tick]);
  useEffect(() => {
    const every = rangeUtil.isValidTimeSpan(refresh) ? rangeUtil.intervalToMs(refresh) : 0;
    const timer = every > 0 ? setInterval(reload, Math.max(every, MIN_REFRESH_MS)) : undefined;
    return () => clearInterval(timer);
  }, [refresh, reload]);
  return { ...loaded, reload };
}

/** Sets `data-ready` on the body to "true" while no panel is loading, for scripts such as `make pictures`. */
function useReady(ready: boolean) {
  const grid = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const update = () => {
      const done = ready && !grid.current?.querySelector('[data-state=loading]');
      document.body.dataset.ready = String(done);
    };
    const observer = new MutationObserver(update);
    update();
    observer.observe(grid.current ?? document.body, {
      attributeFilter: ['data-state'],
      childList: true,
      subtree: true,
    });
    return () => observer.disconnect();
  }, [ready]);
  return grid;
}

export function DashboardPage(props: Props) {
  const { platform, dashboard, address } = props;
  const from = address.from ?? dashboard.time?.from ?? 'now-1h';
  const to = address.to ?? dashboard.time?.to ?? 'now';
  const refresh = address.refresh ?? (typeof dashboard.refresh === 'string' ? dashboard.refresh : '');
  const timeZone = dashboard.timezone || 'browser';
  const { moment, error, reload } = useLoaded(props, from, to, refresh);
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const grid = useReady(moment !== undefined || error !== undefined);

  const set = useCallback((change: Partial<Address>) => navigate({ ...address, ...change }), [address]);
  const view = useMemo(() => {
    const zoom = (range: { from: number; to: number }) =>
      set({ from: `${Math.round(range.from)}`, to: `${Math.round(range.to)}` });
    const lead = (url: string) => leadTo(url, address.theme);
    return moment && { ...moment, timeZone, zoom, lead };
  }, [moment, timeZone, set, address.theme]);
  const scope: Scope = useMemo(
    () => ({ __dashboard: dashboard.title, __url_time_range: `from=${from}&to=${to}`, ...moment?.variables }),
    [dashboard, from, to, moment],
  );
  const placed = useMemo(() => layout(dashboard, scope, toggled), [dashboard, scope, toggled]);
  const replace = (text: string) => interpolate(text, scope, 'text');
  const linksOf = (links: Dashboard['links'] = []) =>
    links.map((link, i) => {
      const found = hrefs([link], { ...address, from, to, refresh }, scope, platform, replace);
      return link.asDropdown ? (
        <Dropdown
          key={i}
          overlay={
            <Menu>
              {found.map(({ title, href, blank }) => (
                <Menu.Item key={href} label={title} url={href} target={blank ? '_blank' : undefined} />
              ))}
            </Menu>
          }
        >
          <ToolbarButton icon="bars" isOpen={false}>
            {replace(link.title)}
          </ToolbarButton>
        </Dropdown>
      ) : (
        found.map(({ title, href, blank }) => (
          <a key={href} href={href} target={blank ? '_blank' : undefined} rel="noreferrer">
            {title}
          </a>
        ))
      );
    });

  return (
    <>
      <header>
        <div className="title">
          <h1>
            <a href={format({ theme: address.theme, variables: {} })}>Platform</a> / {dashboard.title}
          </h1>
          <nav aria-label="Linked dashboards">{linksOf(dashboard.links)}</nav>
        </div>
        {moment && (
          <Controls
            variables={Object.values(moment.variables)}
            setVariable={(name, value) => set({ variables: { ...address.variables, [name]: value } })}
            range={moment.range}
            timeZone={timeZone}
            setRange={set}
            refresh={refresh}
            setRefresh={(interval) => set({ refresh: interval })}
            reload={reload}
          />
        )}
      </header>
      {error && (
        <p className="preview-message" role="alert">
          {error}
        </p>
      )}
      <main className="grid" ref={grid}>
        {view &&
          placed.map((one) => {
            const { key, panel, at, open } = one;
            const area = {
              gridColumn: `${at.x + 1} / span ${at.w}`,
              gridRow: `${at.y + 1} / span ${at.h}`,
              '--rows': at.h,
            };
            return (
              <div key={key} style={area as CSSProperties}>
                {panel.type === 'row' ? (
                  <h2>
                    <button
                      type="button"
                      className="row"
                      aria-expanded={open}
                      onClick={() => setToggled((before) => before.symmetricDifference(new Set([key])))}
                    >
                      <Icon name={open ? 'angle-down' : 'angle-right'} />{' '}
                      {interpolate(panel.title ?? '', one.scope, 'text')}
                    </button>
                  </h2>
                ) : (
                  <PanelFrame
                    placed={one}
                    view={view}
                    scrapeInterval={platform.scrapeInterval}
                    links={panel.links?.length ? linksOf(panel.links) : undefined}
                  />
                )}
              </div>
            );
          })}
      </main>
      <PreviewNotice omitted={unsupported(dashboard)} />
    </>
  );
}
