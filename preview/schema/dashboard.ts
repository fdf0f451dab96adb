/** The types of a dashboard's JSON: Grafana's own, with those of each panel's options, and of Prometheus' queries. */
import type { AnnotationQuery, Dashboard, FieldConfig, GraphFieldConfig, Panel, RowPanel, VariableModel } from '@grafana/schema';
import type { Options as BarGauge } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type {
  FieldConfig as HeatmapCustom,
  Options as Heatmap,
} from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  FieldConfig as StateTimelineCustom,
  Options as StateTimeline,
} from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type {
  FieldConfig as TableCustom,
  Options as Table,
} from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Options as TimeSeries } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** A type as JSON has it: an enum of texts becomes the texts. */
type Json<T> = 0 extends 1 & T
  ? T
  : T extends string
    ? `${T}`
    : T extends Array<infer Item>
      ? Array<Json<Item>>
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

/** What an override may set: a property of every field, or one of this panel's. */
type Property<Custom> =
  | { [Key in Exclude<keyof FieldConfig, 'custom'>]-?: { id: Key; value: FieldConfig[Key] } }[Exclude<
      keyof FieldConfig,
      'custom'
    >]
  | { [Key in keyof Custom & string]-?: { id: `custom.${Key}`; value: Custom[Key] } }[keyof Custom & string];

interface Target {
  datasource: { type: 'prometheus'; uid: string };
  refId: string;
  expr: string;
  legendFormat: string;
  format?: 'table' | 'heatmap' | 'time_series';
  instant?: boolean;
  range?: boolean;
  exemplar?: boolean;
}

interface PanelOf<Type extends string, Options, Custom> extends Omit<
  Panel,
  'type' | 'options' | 'fieldConfig' | 'targets'
> {
  type: Type;
  options: Options;
  targets: Target[];
  fieldConfig: {
    defaults: Omit<FieldConfig, 'custom'> & { custom?: Custom };
    overrides: Array<{ matcher: { id: string; options: string }; properties: Array<Property<Custom>> }>;
  };
}

interface Annotation extends AnnotationQuery {
  expr: string;
  step: string;
  titleFormat: string;
  textFormat: string;
}

type AnyPanel =
  | PanelOf<'bargauge', BarGauge, Record<string, never>>
  | PanelOf<'heatmap', Heatmap, HeatmapCustom>
  | PanelOf<'stat', Stat, Record<string, never>>
  | PanelOf<'state-timeline', StateTimeline, StateTimelineCustom>
  | PanelOf<'table', Table, TableCustom>
  | PanelOf<'timeseries', TimeSeries, GraphFieldConfig>;

/** A variable; Grafana writes and reads `definition` too, though the types lack it. */
interface Variable extends VariableModel {
  definition?: string;
}

export type DashboardJson = Json<
  Omit<Dashboard, 'panels' | 'annotations' | 'templating'> & {
    templating: { list: Variable[] };
    panels: Array<AnyPanel | RowPanel>;
    annotations: { list: Annotation[] };
  }
>;
