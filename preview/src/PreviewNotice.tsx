/** The footer: says that this is a preview, and which features it does not support. */
import type { Dashboard, Panel } from './dashboard';
import { knowsTransformation } from './fields';
import { VISUALIZATIONS } from './panels';

const NEVER_SUPPORTED = [
  'editing, sharing and inspecting',
  'annotations stored in Grafana',
  'ad hoc filters',
  'actions, and data links on time series and heatmaps',
  'data sources other than Prometheus',
  'heatmaps calculated from single values, and native histograms',
  'time shifts of single panels',
];

const LINKED = new Set(['stat', 'bargauge', 'state-timeline', 'table']);

function hasDataLinks({ fieldConfig }: Panel): boolean {
  const overridden = fieldConfig?.overrides.flatMap(({ properties }) => properties) ?? [];
  return Boolean(fieldConfig?.defaults.links?.length) || overridden.some(({ id }) => id === 'links');
}

/** Features that this dashboard uses and the preview omits, as phrases for the footer. */
export function unsupported({ panels }: Dashboard): string[] {
  const all: Panel[] = panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const types = all
    .filter(({ type }) => type !== 'row' && !VISUALIZATIONS[type])
    .map(({ type }) => `panels of type "${type}"`);
  const transformations = all.flatMap((panel) => (panel.transformations ?? []).map(({ id }) => id));
  const shifted = all
    .filter(({ timeFrom, timeShift }) => timeFrom || timeShift)
    .map(({ title }) => `the time shift of "${title}"`);
  const linked = all
    .filter((panel) => !LINKED.has(panel.type) && hasDataLinks(panel))
    .map(({ title }) => `the data links of "${title}"`);
  return [
    ...new Set([
      ...types,
      ...transformations.filter((id) => !knowsTransformation(id)).map((id) => `the transformation "${id}"`),
      ...shifted,
      ...linked,
    ]),
  ];
}

export function PreviewNotice({ omitted = [] }: { omitted?: string[] }) {
  return (
    <footer>
      <p>
        <strong>Preview, not Grafana.</strong> Drawn from the same dashboard files with Grafana&rsquo;s published
        libraries.
        {omitted.length > 0 && ` On this dashboard it omits ${omitted.join(', ')}.`}
      </p>
      <details>
        <summary>Not supported in the preview</summary>
        <ul>
          {NEVER_SUPPORTED.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      </details>
    </footer>
  );
}
