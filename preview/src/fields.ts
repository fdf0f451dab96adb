/** Preparation of data frames for drawing: transformations, then units, colours and overrides. */
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  FieldColorModeId,
  FieldConfigOptionsRegistry,
  FieldType,
  standardTransformers,
  standardTransformersRegistry,
  ThresholdsMode,
  transformDataFrame,
  type DataFrame,
  type FieldConfig,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  type GrafanaTheme2,
  type ThresholdsConfig,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

import type { Panel } from './dashboard';
import { fillInData } from './links';

// A map, because the library lists some transformers twice.
const transformers = new Map(Object.values(standardTransformers).map((info) => [info.id, info]));

standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((info) => ({
    ...info,
    transformation: async () => info,
    editor: () => null,
    imageDark: '',
    imageLight: '',
  })),
);

/** Tells if the preview can apply the transformation with this id. */
export const knowsTransformation = (id: string) => transformers.has(id);

const STANDARD = ['unit', 'min', 'max', 'fieldMinMax', 'decimals', 'displayName', 'noValue', 'filterable', 'color'];
const LISTS = ['thresholds', 'mappings', 'links'];
// Grafana's defaults for JSON without thresholds.
const DEFAULT_THRESHOLDS: ThresholdsConfig = {
  mode: ThresholdsMode.Absolute,
  steps: [
    { value: -Infinity, color: 'green' },
    { value: 80, color: 'red' },
  ],
};
const BY_SERIES = new Set(['timeseries', 'state-timeline']);

/** Sets the value of the base threshold to -Infinity; in JSON it is null. */
function withBase({ mode, steps }: ThresholdsConfig): ThresholdsConfig {
  return { mode, steps: steps.map((step) => ({ ...step, value: step.value ?? -Infinity })) };
}

function property(id: string, isCustom: boolean): FieldConfigPropertyItem {
  return {
    id: isCustom ? `custom.${id}` : id,
    path: id,
    name: id,
    isCustom,
    editor: () => null,
    override: () => null,
    process: (value) => (id === 'thresholds' && value ? withBase(value) : value),
    shouldApply: (field) => field.type !== FieldType.time,
  };
}

/** A registry of the field properties that the panel's JSON uses: Grafana's own is not part of its libraries. */
function registryFor({ defaults, overrides }: FieldConfigSource): FieldConfigOptionsRegistry {
  const overridden = overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
  const custom = overridden.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length));
  const names = new Set([...Object.keys(defaults.custom ?? {}), ...custom]);
  return new FieldConfigOptionsRegistry(() => [
    ...[...STANDARD, ...LISTS].map((id) => property(id, false)),
    ...[...names].map((id) => property(id, true)),
  ]);
}

/** The panel's field configuration, completed with Grafana's defaults for its type. */
export function fieldConfigOf({ type, fieldConfig }: Panel): FieldConfigSource {
  const mode = BY_SERIES.has(type) ? FieldColorModeId.PaletteClassic : FieldColorModeId.Thresholds;
  const given: FieldConfig = fieldConfig?.defaults ?? {};
  return {
    defaults: { ...given, color: given.color ?? { mode }, thresholds: given.thresholds ?? DEFAULT_THRESHOLDS },
    overrides: fieldConfig?.overrides ?? [],
  };
}

export async function transform(panel: Panel, frames: DataFrame[], replace: (text: string) => string) {
  return lastValueFrom(transformDataFrame(panel.transformations ?? [], frames, { interpolate: replace }));
}

/**
 * Applies units, colours, thresholds and overrides to the fields.
 * @param lead where a link to an address leads
 * @param hidden display names of the series that are not drawn
 */
export function applyFieldConfig(
  frames: DataFrame[],
  fieldConfig: FieldConfigSource,
  theme: GrafanaTheme2,
  timeZone: string,
  replace: (text: string) => string,
  lead: (url: string) => string,
  hidden: ReadonlySet<string>,
): DataFrame[] {
  const configured = applyFieldOverrides({
    data: frames,
    fieldConfig,
    fieldConfigRegistry: registryFor(fieldConfig),
    replaceVariables: (text, scoped, form) =>
      replace(fillInData(text, scoped, form === 'uriencode' ? encodeURIComponent : String)),
    theme,
    timeZone,
    dataLinkPostProcessor: ({ linkModel }) => ({ ...linkModel, href: lead(linkModel.href) }),
  });
  // Overrides and legends match by display name: compute the names now, from the final field configuration.
  cacheFieldDisplayNames(configured);
  for (const { config, state } of configured.flatMap(({ fields }) => fields)) {
    if (hidden.has(state?.displayName ?? '')) {
      config.custom = { ...config.custom, hideFrom: { viz: true, legend: false, tooltip: true } };
    }
  }
  return configured;
}
