/** Template variables: their options, their values, and their replacement in queries and texts. */
import type { Dashboard, VariableModel } from './dashboard';
import { labelValues } from './prometheus';

export const ALL = '$__all';

export interface Variable {
  model: VariableModel;
  options: string[];
  value: string[];
}

/** Variables by name; built-in ones are plain strings. */
export type Scope = Record<string, Variable | string>;

export type Format = 'promql' | 'text';

const REFERENCE = /\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]/g;
const DATA_SOURCE = 'Prometheus';

// PromQL strings need each backslash doubled; regular expressions inside them double it once more.
const inString = (value: string) => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
const inRegex = (value: string) => inString(value.replace(/[\\^$*+?.()|[\]{}]/g, '\\$&'));
const oneOf = (values: string[]) => (values.length === 1 ? values[0]! : `(${values.join('|')})`);

/** The selected values of a variable; all options if "All" is selected. */
export function chosen({ options, value }: Variable): string[] {
  return value.includes(ALL) ? options : value;
}

function formatValue(variable: Variable, format: Format): string {
  const { model, value } = variable;
  const all = value.includes(ALL);
  if (format === 'text') {
    return all ? 'All' : value.join(' + ');
  }
  if (all && model.allValue) {
    return model.allValue;
  }
  const values = chosen(variable);
  return model.multi || model.includeAll ? oneOf(values.map(inRegex)) : inString(values[0] ?? '');
}

/** The selected values as parameters of an address: `var-job=a&var-job=b`. */
const asParameters = ({ model, value }: Variable) =>
  value.map((one) => `var-${model.name}=${encodeURIComponent(one)}`).join('&');

/** Replaces the variables in a text; unknown names stay unchanged. `${name:queryparam}` becomes parameters of an address. */
export function interpolate(text: string, scope: Scope, format: Format): string {
  return text.replace(REFERENCE, (whole, a?: string, b?: string, own?: string, c?: string) => {
    const found = scope[a ?? b ?? c ?? ''];
    if (found === undefined) {
      return whole;
    }
    if (typeof found === 'string') {
      return found;
    }
    return own === 'queryparam' ? asParameters(found) : formatValue(found, format);
  });
}

function queryText({ query }: VariableModel): string {
  return (typeof query === 'string' ? query : query?.query) ?? '';
}

/** Parses the options of a custom variable, `a,b,c`; `\,` is a literal comma, and `text : value` yields `value`. */
function parseOptions(query: string): string[] {
  const parts = query.match(/(?:\\,|[^,])+/g) ?? [];
  return parts.map((part) => part.replace(/\\,/g, ',').split(' : ').at(-1)!.trim()).filter(Boolean);
}

async function queryOptions(query: string, window: { start: number; end: number }): Promise<string[]> {
  const [, selector, label] = /^label_values\((?:(.+),)?\s*([\w.]+)\s*\)$/s.exec(query) ?? [];
  if (!label) {
    throw new Error(`The preview supports only label_values() as the query of a variable, not "${query}".`);
  }
  return labelValues(label, selector?.trim(), window);
}

/** Applies the variable's regex (keeping its first group) and its sort order to the options. */
export function refine(found: string[], { regex = '', sort = 0 }: VariableModel): string[] {
  let options = found;
  if (regex) {
    const [, body, flags] = /^\/(.*)\/(\w*)$/s.exec(regex) ?? [null, `^${regex}$`, ''];
    const pattern = new RegExp(body!, flags!.replace(/g/g, ''));
    options = options.flatMap((option) => {
      const match = pattern.exec(option);
      return match ? [match.groups?.value ?? match[1] ?? option] : [];
    });
  }
  options = [...new Set(options)];
  if (sort > 0) {
    options.sort((a, b) => a.localeCompare(b, undefined, { numeric: sort > 2 }));
  }
  return sort > 0 && sort % 2 === 0 ? options.reverse() : options;
}

async function optionsOf(model: VariableModel, scope: Scope, window: { start: number; end: number }) {
  const query = queryText(model);
  switch (model.type) {
    case 'query':
      return refine(await queryOptions(interpolate(query, scope, 'promql'), window), model);
    case 'custom':
      return parseOptions(query);
    case 'datasource':
      return [DATA_SOURCE];
    default:
      throw new Error(`The preview does not support variables of type "${model.type}".`);
  }
}

function valueOf(model: VariableModel, options: string[], asked?: string[]): string[] {
  if (asked?.length && model.type !== 'datasource') {
    return asked;
  }
  const usual = [model.current?.value ?? []].flat().filter((value) => value === ALL || options.includes(value));
  if (usual.length) {
    return usual;
  }
  return model.includeAll && options.length === 0 ? [ALL] : options.slice(0, 1);
}

/**
 * Loads every variable of a dashboard, in order: the query of one may refer to those before it.
 * @param asked values from the page's address
 * @param window start and end in seconds
 */
export async function resolve(
  dashboard: Dashboard,
  asked: Record<string, string[]>,
  window: { start: number; end: number },
): Promise<Record<string, Variable>> {
  const scope: Record<string, Variable> = {};
  for (const model of dashboard.templating?.list ?? []) {
    const options = await optionsOf(model, scope, window);
    scope[model.name] = { model, options, value: valueOf(model, options, asked[model.name]) };
  }
  return scope;
}
