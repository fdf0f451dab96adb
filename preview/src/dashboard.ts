/** The subset of Grafana's classic dashboard JSON that the preview reads. */
import type { DataTransformerConfig, FieldConfigSource } from '@grafana/data';

export interface Target {
  refId: string;
  expr: string;
  legendFormat?: string;
  format?: 'time_series' | 'table' | 'heatmap';
  instant?: boolean;
  exemplar?: boolean;
  interval?: string;
  hide?: boolean;
  datasource?: DataSourceRef;
}

export interface DataSourceRef {
  type?: string;
  uid?: string;
}

export interface Link {
  title: string;
  type?: 'dashboards' | 'link';
  url?: string;
  tags?: string[];
  tooltip?: string;
  keepTime?: boolean;
  includeVars?: boolean;
  targetBlank?: boolean;
  /** Shows the dashboards with the tags as a menu. */
  asDropdown?: boolean;
}

export interface Panel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: DataSourceRef;
  targets?: Target[];
  fieldConfig?: FieldConfigSource;
  // Every panel type has its own options: see its file in panels/.
  options?: Record<string, any>;
  transformations?: DataTransformerConfig[];
  interval?: string;
  maxDataPoints?: number;
  timeFrom?: string;
  timeShift?: string;
  repeat?: string;
  repeatDirection?: 'h' | 'v';
  maxPerRow?: number;
  collapsed?: boolean;
  panels?: Panel[];
  links?: Link[];
}

export interface VariableModel {
  name: string;
  label?: string;
  type: string;
  hide?: number;
  query?: string | { query?: string };
  regex?: string;
  sort?: number;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  current?: { value?: string | string[] };
}

export interface AnnotationModel {
  name: string;
  enable?: boolean;
  expr?: string;
  step?: string;
  iconColor?: string;
  titleFormat?: string;
  textFormat?: string;
}

export interface Dashboard {
  uid: string;
  title: string;
  description?: string;
  panels: Panel[];
  templating?: { list?: VariableModel[] };
  annotations?: { list?: AnnotationModel[] };
  links?: Link[];
  time?: { from?: string; to?: string };
  refresh?: string | boolean;
  timezone?: string;
}

/** Checks that a parsed file is a dashboard; throws an error that names what is missing. */
export function toDashboard(value: unknown, file: string): Dashboard {
  const found = value as Partial<Dashboard> | null;
  if (typeof found !== 'object' || found === null || !Array.isArray(found.panels) || typeof found.title !== 'string') {
    throw new Error(`${file} is not a dashboard: it needs a title and a list of panels.`);
  }
  const faulty = found.panels.findIndex((panel) => !panel?.type || typeof panel.gridPos?.w !== 'number');
  if (faulty >= 0) {
    throw new Error(`${file} is not a dashboard: panel ${faulty + 1} needs a type and a gridPos.`);
  }
  return found as Dashboard;
}
