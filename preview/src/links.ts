/** Data links: the addresses that lead from a value, such as a cell of a table, to another page. */
import { getFieldDisplayName, getFieldDisplayValuesProxy, type DataContextScopedVar, type ScopedVars } from '@grafana/data';

const REFERENCE = /\$\{(__(?:data|field|series|value))((?:\.\w+|\["[^"\]]*"\]|\[\d+\])*)(?::\w+)?\}/g;
const KEY = /\.(\w+)|\["([^"\]]*)"\]|\[(\d+)\]/g;

/** What a link may refer to, under Grafana's names: the row's fields, the value's own field, and the value. */
function contextOf({ data, frame, field, rowIndex, calculatedValue }: DataContextScopedVar['value']): Record<string, unknown> {
  const raw: unknown = rowIndex === undefined ? undefined : field.values[rowIndex];
  const shown = calculatedValue ?? field.display?.(raw);
  const name = getFieldDisplayName(field, frame, data);
  const fields = rowIndex === undefined ? {} : getFieldDisplayValuesProxy({ frame, rowIndex });
  return {
    __data: { fields },
    __field: { name, labels: field.labels ?? {} },
    __series: { name },
    __value: { raw: raw ?? shown?.numeric, numeric: shown?.numeric, text: shown?.text },
  };
}

function lookUp(found: unknown, path: string): unknown {
  const keys = [...path.matchAll(KEY)].map(([, dotted, quoted, index]) => dotted ?? quoted ?? index ?? '');
  return keys.reduce((value, key) => (value as Record<string, unknown> | undefined)?.[key], found);
}

/**
 * Replaces the references to data in a link, such as `${__data.fields.pod}` or `${__field.labels.pod}`.
 * @param scoped the variables that Grafana's library hands over with a link
 * @param encode how a value is written, such as encodeURIComponent within an address
 */
export function fillInData(text: string, scoped: ScopedVars | undefined, encode: (value: string) => string): string {
  const given = scoped?.__dataContext as DataContextScopedVar | undefined;
  if (!given) {
    return text;
  }
  const context = contextOf(given.value);
  return text.replace(REFERENCE, (_, name: string, path: string) => encode(String(lookUp(context[name], path) ?? '')));
}
