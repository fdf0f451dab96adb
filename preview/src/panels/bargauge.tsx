/** Bar gauge: single values as bars. */
import { VizOrientation } from '@grafana/data';
import { BarGauge, BarGaugeDisplayMode } from '@grafana/ui';

import { Values } from './values';
import type { VizProps } from './viz';

export function BarGaugePanel(props: VizProps) {
  const { options, theme } = props;
  return (
    <Values
      {...props}
      options={{
        ...options,
        orientation: options.orientation === 'auto' ? VizOrientation.Horizontal : options.orientation,
      }}
      render={({ value, width, height, orientation, alignmentFactors, opener }) => (
        <BarGauge
          {...opener}
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
          width={width}
          height={height}
          orientation={orientation}
          theme={theme}
          alignmentFactors={alignmentFactors}
          displayMode={options.displayMode ?? BarGaugeDisplayMode.Gradient}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
          text={options.text}
        />
      )}
    />
  );
}
