/** The bar above the panels: variables, links, time range, refresh. */
import { dateMath, rangeUtil, type TimeRange } from '@grafana/data';
import { Combobox, InlineField, Input, MultiCombobox, RefreshPicker, TimeRangePicker } from '@grafana/ui';
import { useId, type ReactElement } from 'react';

import { ALL, type Variable } from './variables';

const HIDDEN = 2;

function VariableField({ variable, change }: { variable: Variable; change: (value: string[]) => void }) {
  const { model, options, value } = variable;
  const id = useId();
  const all = model.includeAll ? [{ label: 'All', value: ALL }] : [];
  // Values from the address need not be among the options.
  const listed = [...new Set([...options, ...value.filter((one) => one !== ALL)])];
  const choices = [...all, ...listed.map((option) => ({ label: option, value: option }))];
  const field = { id, width: 'auto' as const, minWidth: 8, options: choices };
  let input: ReactElement<Record<string, unknown>>;
  if (model.type === 'textbox') {
    input = <Input id={id} defaultValue={value[0]} onBlur={(event) => change([event.currentTarget.value])} />;
  } else if (model.multi) {
    input = (
      <MultiCombobox
        {...field}
        value={value}
        onChange={(picked) => {
          const values = picked.map((one) => one.value);
          // "All" and single values exclude each other; the one picked last counts.
          const everything = values.at(-1) === ALL || values.length === 0;
          change(everything && all.length ? [ALL] : values.filter((one) => one !== ALL));
        }}
      />
    );
  } else {
    input = <Combobox {...field} value={value[0] ?? null} onChange={(picked) => change([picked.value])} />;
  }
  return <InlineField label={model.label || model.name} htmlFor={id}>{input}</InlineField>;
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
  const absolute = (from: number, to: number) => setRange({ from: String(Math.round(from)), to: String(Math.round(to)) });
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const span = to - from;
  return (
    <div className="controls">
      {variables
        .filter(({ model }) => model.hide !== HIDDEN && model.type !== 'constant')
        .map((variable) => (
          <VariableField key={variable.model.name} variable={variable} change={(value) => setVariable(variable.model.name, value)} />
        ))}
      <div className="spring" />
      <TimeRangePicker
        value={range}
        timeZone={timeZone}
        onChange={({ raw }) => {
          const text = (end: typeof raw.from) => (typeof end === 'string' ? end : String(end.valueOf()));
          if (rangeUtil.isRelativeTimeRange(raw) ? dateMath.isValid(raw.from) : true) {
            setRange({ from: text(raw.from), to: text(raw.to) });
          }
        }}
        onChangeTimeZone={() => undefined}
        onMoveBackward={() => absolute(from - span / 2, to - span / 2)}
        onMoveForward={() => absolute(from + span / 2, to + span / 2)}
        onZoom={() => absolute(from - span / 2, to + span / 2)}
      />
      <RefreshPicker value={refresh} onIntervalChanged={setRefresh} onRefresh={reload} intervals={['5s', '10s', '30s', '1m', '5m']} />
    </div>
  );
}
