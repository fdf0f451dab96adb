/** The toolbar above the panels: variables, time range, refresh. */
import type { DateTime, TimeRange } from '@grafana/data';
import { Combobox, InlineField, MultiCombobox, TimeRangePicker, ToolbarButton } from '@grafana/ui';
import { useId } from 'react';

import { ALL, type Variable } from './variables';

const HIDDEN = 2;
const INTERVALS = ['', '5s', '10s', '30s', '1m', '5m'];

function VariableField({ variable, change }: { variable: Variable; change: (value: string[]) => void }) {
  const { model, options, value } = variable;
  const id = useId();
  const all = model.includeAll ? [{ label: 'All', value: ALL }] : [];
  // The address may select values that are not among the options.
  const listed = [...new Set([...options, ...value.filter((one) => one !== ALL)])];
  const choices = [...all, ...listed.map((option) => ({ label: option, value: option }))];
  const field = { id, width: 'auto' as const, minWidth: 8, options: choices };
  const pickSeveral = (picked: string[]) => {
    // "All" and single values exclude each other: the last selection wins.
    const everything = model.includeAll && (picked.length === 0 || picked.at(-1) === ALL);
    change(everything ? [ALL] : picked.filter((one) => one !== ALL));
  };
  return (
    <InlineField label={model.label || model.name} htmlFor={id}>
      {model.multi ? (
        <MultiCombobox {...field} value={value} onChange={(picked) => pickSeveral(picked.map((one) => one.value))} />
      ) : (
        <Combobox {...field} value={value[0] ?? null} onChange={(picked) => change([picked.value])} />
      )}
    </InlineField>
  );
}

interface Props {
  variables: Variable[];
  setVariable: (name: string, value: string[]) => void;
  range: TimeRange;
  timeZone: string;
  setRange: (range: { from: string; to: string }) => void;
  refresh: string;
  setRefresh: (interval: string) => void;
  reload: () => void;
}

export function Controls({ variables, setVariable, range, timeZone, setRange, refresh, setRefresh, reload }: Props) {
  const absolute = (from: number, to: number) =>
    setRange({ from: String(Math.round(from)), to: String(Math.round(to)) });
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const span = to - from;
  return (
    <div className="controls">
      {variables
        .filter(({ model }) => model.hide !== HIDDEN)
        .map((variable) => (
          <VariableField
            key={variable.model.name}
            variable={variable}
            change={(value) => setVariable(variable.model.name, value)}
          />
        ))}
      <div className="spring" />
      <TimeRangePicker
        value={range}
        timeZone={timeZone}
        onChange={({ raw }) => {
          const text = (end: DateTime | string) => (typeof end === 'string' ? end : String(end.valueOf()));
          setRange({ from: text(raw.from), to: text(raw.to) });
        }}
        onChangeTimeZone={() => undefined}
        onMoveBackward={() => absolute(from - span / 2, to - span / 2)}
        onMoveForward={() => absolute(from + span / 2, to + span / 2)}
        onZoom={() => absolute(from - span / 2, to + span / 2)}
      />
      <ToolbarButton icon="sync" tooltip="Refresh" onClick={reload} />
      <Combobox
        aria-label="Refresh every"
        width={12}
        options={INTERVALS.map((value) => ({ value, label: value || 'Off' }))}
        value={refresh}
        onChange={({ value }) => setRefresh(value)}
      />
    </div>
  );
}
