/** Stat: a single value with a sparkline behind it. */
import { BigValue, BigValueColorMode, BigValueGraphMode, BigValueTextMode } from '@grafana/ui';

import { Values } from './values';
import type { VizProps } from './viz';

export function StatPanel(props: VizProps) {
  const { options, theme } = props;
  const graphMode = options.graphMode ?? BigValueGraphMode.Area;
  return (
    <Values
      {...props}
      sparkline={graphMode !== BigValueGraphMode.None}
      autoGrid
      render={({ value, width, height, count, alignmentFactors, opener }) => (
        <BigValue
          {...opener}
          value={value.display}
          sparkline={value.sparkline}
          count={count}
          width={width}
          height={height}
          theme={theme}
          alignmentFactors={alignmentFactors}
          colorMode={options.colorMode ?? BigValueColorMode.Value}
          graphMode={graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode ?? BigValueTextMode.Auto}
          text={options.text}
        />
      )}
    />
  );
}
