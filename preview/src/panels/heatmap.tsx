/** Heatmap: counts per bucket of a histogram, over time. */
import { FieldType, formattedValueToString, getValueFormat, type GrafanaTheme2 } from '@grafana/data';
import { VizLayout } from '@grafana/ui';
import * as schemes from 'd3-scale-chromatic';
import { useMemo } from 'react';

import { toNumber } from '../frames';
import { laneOf } from './prepare';
import { TimeGrid, type Cell } from './timegrid';
import type { VizProps } from './viz';

// Grafana always inverts some of D3's colour schemes, inverts some only in the light theme, all others in the dark one.
const INVERTED_ALWAYS = /^(BrBG|PiYG|PRGn|PuOr|RdBu|RdGy|RdYlBu|RdYlGn|Spectral|Rainbow|Sinebow)$/;
const INVERTED_ON_LIGHT = /^(Turbo|Cividis|Viridis|Magma|Inferno|Plasma|Warm|Cool|CubehelixDefault)$/;

function palette(options: Record<string, any>, theme: GrafanaTheme2): (share: number) => string {
  const {
    scheme = 'Oranges',
    reverse = false,
    mode = 'scheme',
    fill = 'dark-orange',
    exponent = 0.5,
  } = options.color ?? {};
  if (mode === 'opacity') {
    const base = theme.visualization.getColorByName(fill);
    return (share) =>
      base +
      Math.round(255 * share ** exponent)
        .toString(16)
        .padStart(2, '0');
  }
  const found = (schemes as unknown as Record<string, (t: number) => string>)[`interpolate${scheme}`];
  const draw = found ?? schemes.interpolateOranges;
  const inTheme = INVERTED_ON_LIGHT.test(scheme) ? theme.isLight : theme.isDark;
  const inverted = reverse !== (INVERTED_ALWAYS.test(scheme) || inTheme);
  return (share) => draw(inverted ? 1 - share : share);
}

export function HeatmapPanel(props: VizProps) {
  const { options, frames, fieldConfig, theme, width, height } = props;
  const drawn = useMemo(() => {
    const frame = frames.find(({ fields }) => fields.some(({ type }) => type === FieldType.time));
    const time = frame?.fields.find(({ type }) => type === FieldType.time);
    if (!frame || !time || frames.length > 1) {
      throw new Error('a heatmap needs exactly one histogram, queried with the format "heatmap".');
    }
    const edge = getValueFormat(options.yAxis?.unit ?? fieldConfig.defaults.unit);
    const count = getValueFormat(options.cellValues?.unit);
    const fields = frame.fields.filter(({ type }) => type === FieldType.number);
    const largest = Math.max(...fields.flatMap(({ values }) => values).filter(Number.isFinite), 0);
    const least = options.filterValues?.le ?? 1e-9;
    const colorOf = palette(options, theme);
    const step = time.config.interval ?? 0;
    const text = (value: number) => formattedValueToString(count(value, options.cellValues?.decimals ?? 2));
    const cells: Cell[] = fields.flatMap(({ values }, lane) =>
      time.values.flatMap((to: number, i) => {
        const value: number = values[i];
        return value > least
          ? [{ lane, from: to - step, to, color: colorOf(value / largest), value: text(value) }]
          : [];
      }),
    );
    const lanes = fields.map(({ name }) => {
      const upper = toNumber(name);
      return Number.isFinite(upper) ? formattedValueToString(edge(upper, options.yAxis?.decimals)) : name;
    });
    const ramp = Array.from({ length: 11 }, (_, i) => colorOf(i / 10)).join(', ');
    const bounds = fields.map(({ name }) => toNumber(name));
    return { lanes, cells, ramp, largest: text(largest), position: (value: number) => laneOf(value, bounds) };
  }, [frames, options, fieldConfig, theme]);
  const legend =
    options.legend?.show === false ? null : (
      <VizLayout.Legend placement="bottom">
        <div className="ramp">
          <span>0</span>
          <div style={{ background: `linear-gradient(to right, ${drawn.ramp})` }} />
          <span>{drawn.largest}</span>
        </div>
      </VizLayout.Legend>
    );
  return (
    <VizLayout width={width} height={height} legend={legend}>
      {(w: number, h: number) => (
        <TimeGrid
          {...props}
          width={w}
          height={h}
          lanes={drawn.lanes}
          named="top"
          cells={drawn.cells}
          position={drawn.position}
          fill={1}
        />
      )}
    </VizLayout>
  );
}
