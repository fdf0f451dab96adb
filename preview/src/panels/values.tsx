/** Single values side by side, shared by stat, gauge and bar gauge. */
import {
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  VizOrientation,
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
} from '@grafana/data';
import { VizRepeater, type VizRepeaterRenderValueProps } from '@grafana/ui';
import type { JSX } from 'react';

import type { VizProps } from './viz';

export type ValueProps = VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors>;

interface ValuesProps extends VizProps {
  sparkline?: boolean;
  autoGrid?: boolean;
  render: (props: ValueProps) => JSX.Element;
}

export function Values({ options, frames, fieldConfig, width, height, theme, timeZone, replace, ...own }: ValuesProps) {
  const values = () =>
    getFieldDisplayValues({
      data: frames,
      fieldConfig,
      reduceOptions: { calcs: ['lastNotNull'], ...options.reduceOptions },
      replaceVariables: (text) => replace(text),
      sparkline: own.sparkline,
      theme,
      timeZone,
    });
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={own.render}
      width={width}
      height={height}
      source={frames}
      renderCounter={0}
      autoGrid={own.autoGrid}
      orientation={options.orientation ?? VizOrientation.Auto}
    />
  );
}
