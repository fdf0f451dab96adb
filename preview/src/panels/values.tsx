/** Single values side by side, shared by stat and bar gauge: without data, the text and colour for null. */
import {
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  VizOrientation,
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
} from '@grafana/data';
import { DataLinksContextMenu, VizRepeater, type VizRepeaterRenderValueProps } from '@grafana/ui';
import type { JSX, MouseEvent } from 'react';

import type { VizProps } from './viz';

/** The props of one value, and those that open its links, if it has any. */
export type ValueProps = VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors> & {
  opener: { className?: string; onClick?: (event: MouseEvent<HTMLElement>) => void };
};

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
      renderValue={(props) => {
        const { getLinks, hasLinks } = props.value;
        return hasLinks && getLinks ? (
          <DataLinksContextMenu links={getLinks}>
            {({ targetClassName, openMenu }) => own.render({ ...props, opener: { className: targetClassName, onClick: openMenu } })}
          </DataLinksContextMenu>
        ) : (
          own.render({ ...props, opener: {} })
        );
      }}
      width={width}
      height={height}
      source={frames}
      renderCounter={0}
      autoGrid={own.autoGrid}
      orientation={options.orientation ?? VizOrientation.Auto}
    />
  );
}
