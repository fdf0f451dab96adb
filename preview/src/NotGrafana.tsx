/** The page says what it is not. */
import type { Dashboard, Panel } from './dashboard';
import { knowsTransformation } from './fields';
import { KINDS } from './panels';

const NEVER = [
  'editing, sharing and inspecting',
  'annotations kept by Grafana itself',
  'ad hoc filters',
  'actions, and data links outside tables',
  'data sources other than Prometheus',
  'heatmaps computed from single values, and native histograms',
  'time shifts of single panels',
];

/** What this dashboard asks for and the preview leaves out. */
export function undrawn({ panels }: Dashboard): string[] {
  const all: Panel[] = panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const kinds = all
    .filter(({ type }) => type !== 'row' && !KINDS[type])
    .map(({ type }) => `panels of the kind "${type}"`);
  const transformations = all.flatMap((panel) => (panel.transformations ?? []).map(({ id }) => id));
  const shifted = all
    .filter(({ timeFrom, timeShift }) => timeFrom || timeShift)
    .map(({ title }) => `the time shift of "${title}"`);
  return [
    ...new Set([
      ...kinds,
      ...transformations.filter((id) => !knowsTransformation(id)).map((id) => `the transformation "${id}"`),
      ...shifted,
    ]),
  ];
}

export function NotGrafana({ missing = [] }: { missing?: string[] }) {
  return (
    <footer>
      <p>
        <strong>Preview, not Grafana.</strong> Drawn from the same dashboard files with Grafana&rsquo;s published
        libraries.
        {missing.length > 0 && ` On this dashboard it leaves out ${missing.join(', ')}.`}
      </p>
      <details>
        <summary>What the preview does not draw</summary>
        <ul>
          {NEVER.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      </details>
    </footer>
  );
}
