/** Positions of the panels on Grafana's grid of 24 columns, with collapsed rows and repeats applied. */
import type { Dashboard, Panel } from './dashboard';
import { chosen, type Scope, type Variable } from './variables';

const COLUMNS = 24;
const PER_ROW = 4;

export interface Placed {
  key: string;
  panel: Panel;
  at: Panel['gridPos'];
  /** The page's variables; in a repeated panel, the repeat variable has that repeat's single value. */
  scope: Scope;
  open: boolean;
}

interface Section {
  key: string;
  row?: Panel;
  panels: Panel[];
  scope: Scope;
}

/** One scope per value of the variable that a panel or row repeats for. */
function repeats(name: string | undefined, scope: Scope): Scope[] {
  const variable = name ? scope[name] : undefined;
  if (variable === undefined || typeof variable === 'string') {
    return [scope];
  }
  const values = chosen(variable);
  return values.length
    ? values.map((value) => ({ ...scope, [name!]: { ...variable, value: [value] } as Variable }))
    : [scope];
}

function sections(dashboard: Dashboard, scope: Scope): Section[] {
  const found: Section[] = [{ key: '', panels: [], scope }];
  const inOrder = dashboard.panels.toSorted((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  for (const panel of inOrder) {
    if (panel.type === 'row') {
      found.push({ key: `${panel.id}`, row: panel, panels: [...(panel.panels ?? [])], scope });
    } else {
      found.at(-1)!.panels.push(panel);
    }
  }
  return found.flatMap((section) =>
    repeats(section.row?.repeat, scope).map((own, i) => ({ ...section, scope: own, key: `${section.key}-${i}` })),
  );
}

/** Places the panels of a section, starting at grid row `top`. */
function place(section: Section, top: number): Placed[] {
  const base = Math.min(...section.panels.map(({ gridPos }) => gridPos.y));
  const pushed: Array<{ from: number; by: number }> = [];
  return section.panels.flatMap((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const shift = pushed.reduce((sum, { from, by }) => (y >= from ? sum + by : sum), 0);
    const scopes = repeats(panel.repeat, section.scope);
    const across = panel.repeat !== undefined && panel.repeatDirection !== 'v';
    const perLine = across ? Math.min(scopes.length, panel.maxPerRow ?? PER_ROW) : 1;
    const width = across ? Math.floor(COLUMNS / perLine) : w;
    pushed.push({ from: y + h, by: (Math.ceil(scopes.length / perLine) - 1) * h });
    return scopes.map((scope, i) => ({
      key: `${section.key}/${panel.id}-${i}`,
      panel,
      scope,
      open: true,
      at: {
        x: across ? (i % perLine) * width : x,
        y: top + y - base + shift + Math.floor(i / perLine) * h,
        w: width,
        h,
      },
    }));
  });
}

/**
 * Places every row and visible panel of a dashboard.
 * @param toggled keys of the rows that the reader has opened or closed
 */
export function layout(dashboard: Dashboard, scope: Scope, toggled: ReadonlySet<string>): Placed[] {
  let top = 0;
  return sections(dashboard, scope).flatMap((section) => {
    const { key, row, panels } = section;
    const open = !row || Boolean(row.collapsed) === toggled.has(key);
    const head = row ? [{ key, panel: row, scope: section.scope, open, at: { x: 0, y: top, w: COLUMNS, h: 1 } }] : [];
    top += head.length;
    const placed = open && panels.length ? place(section, top) : [];
    top = Math.max(top, ...placed.map(({ at }) => at.y + at.h));
    return [...head, ...placed];
  });
}
