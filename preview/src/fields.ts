/** From a query's frames to what is drawn: transformations, then units, colours and overrides. */
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

import { format, fromGrafana } from './address';
import type { Panel } from './dashboard';

// The library lists some of them twice.
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

/** Whether a transformation of this id changes anything here. */
export const knowsTransformation = (id: string) => transformers.has(id);

const STANDARD = ['unit', 'min', 'max', 'fieldMinMax', 'decimals', 'displayName', 'noValue', 'filterable', 'color'];
const LISTS = ['thresholds', 'mappings', 'links'];
// What Grafana assumes where the JSON says nothing.
const DEFAULT_THRESHOLDS: ThresholdsConfig = {
  mode: ThresholdsMode.Absolute,
  steps: [
    { value: -Infinity, color: 'green' },
    { value: 80, color: 'red' },
  ],
};
const BY_SERIES = new Set(['timeseries', 'state-timeline']);

/** JSON has no -Infinity: the lowest threshold's value is null there. */
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

/** Grafana's core keeps the registry of what a field can be told; this one knows what the panel's JSON uses. */
function registryFor({ defaults, overrides }: FieldConfigSource): FieldConfigOptionsRegistry {
  const told = overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
  const custom = told.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length));
  const names = new Set([...Object.keys(defaults.custom ?? {}), ...custom]);
  return new FieldConfigOptionsRegistry(() => [
    ...[...STANDARD, ...LISTS].map((id) => property(id, false)),
    ...[...names].map((id) => property(id, true)),
  ]);
}

/** The panel's field settings, completed with what Grafana assumes for its kind. */
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

/** Frames whose fields know how they look; the fields of the names in `hidden` are not drawn. */
export function dress(
  frames: DataFrame[],
  fieldConfig: FieldConfigSource,
  theme: GrafanaTheme2,
  timeZone: string,
  replace: (text: string) => string,
  hidden: ReadonlySet<string>,
): DataFrame[] {
  const dressed = applyFieldOverrides({
    data: frames,
    fieldConfig,
    fieldConfigRegistry: registryFor(fieldConfig),
    replaceVariables: (text) => replace(text),
    theme,
    timeZone,
    dataLinkPostProcessor: ({ linkModel }) => {
      const inside = fromGrafana(linkModel.href);
      return inside ? { ...linkModel, href: format(inside) } : linkModel;
    },
  });
  // Without this the names that overrides and legends go by are computed from half-dressed frames.
  cacheFieldDisplayNames(dressed);
  for (const { config, state } of dressed.flatMap(({ fields }) => fields)) {
    if (hidden.has(state?.displayName ?? '')) {
      config.custom = { ...config.custom, hideFrom: { viz: true, legend: false, tooltip: true } };
    }
  }
  return dressed;
}
