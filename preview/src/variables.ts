/** Template variables: their options, their values, and what a query says once they are filled in. */
import type { Dashboard, VariableModel } from './dashboard';
import { labelValues } from './prometheus';

export const ALL = '$__all';

export interface Variable {
  model: VariableModel;
  options: string[];
  value: string[];
}

/** Name of a variable -> its values; built-in ones have a plain string. */
export type Scope = Record<string, Variable | string>;

export type Format = 'promql' | 'text';

const REFERENCE = /\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\]/g;
const DATA_SOURCE = 'Prometheus';

// A backslash is doubled once for PromQL's string and, in a regular expression, once more.
const inString = (value: string) => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
const inRegex = (value: string) => inString(value.replace(/[\\^$*+?.()|[\]{}]/g, '\\$&'));
const oneOf = (values: string[]) => (values.length === 1 ? values[0]! : `(${values.join('|')})`);

/** The values that a variable stands for: all of them for "All". */
export function chosen({ options, value }: Variable): string[] {
  return value.includes(ALL) ? options : value;
}

function written(variable: Variable, format: Format): string {
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

/** The text with its variables filled in; a name that is no variable stays as it is. */
export function interpolate(text: string, scope: Scope, format: Format): string {
  return text.replace(REFERENCE, (whole, a?: string, b?: string, c?: string) => {
    const found = scope[a ?? b ?? c ?? ''];
    if (found === undefined) {
      return whole;
    }
    return typeof found === 'string' ? found : written(found, format);
  });
}

function queryText({ query }: VariableModel): string {
  return (typeof query === 'string' ? query : query?.query) ?? '';
}

/** `a,b,c` of a custom variable; `\,` is a comma inside a value, `text : value` gives the value. */
function listed(query: string): string[] {
  const parts = query.match(/(?:\\,|[^,])+/g) ?? [];
  return parts.map((part) => part.replace(/\\,/g, ',').split(' : ').at(-1)!.trim()).filter(Boolean);
}

async function queried(query: string, window: { start: number; end: number }): Promise<string[]> {
  const [, selector, label] = /^label_values\((?:(.+),)?\s*([\w.]+)\s*\)$/s.exec(query) ?? [];
  if (!label) {
    throw new Error(`The preview knows variables of the form label_values(), not "${query}".`);
  }
  return labelValues(label, selector?.trim(), window);
}

/** The options that the variable's regex lets through, cut to its first group, in the order asked for. */
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
      return refine(await queried(interpolate(query, scope, 'promql'), window), model);
    case 'custom':
      return listed(query);
    case 'datasource':
      return [DATA_SOURCE];
    default:
      throw new Error(`The preview does not know variables of type "${model.type}".`);
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
 * Every variable of a dashboard, each asked for with the ones before it filled in.
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
