/** Gauge: a value on a dial, drawn here because @grafana/ui exports no gauge. */
import { formattedValueToString, getActiveThreshold, type FieldConfig, type FieldDisplay } from '@grafana/data';

import { Values } from './values';
import type { VizProps } from './viz';

// Angles in degrees. The dial is open at the bottom, for a quarter of the circle.
const START = -225;
const SWEEP = 270;
const RADIUS = 80;

/** SVG path of the arc between two positions on the dial, from 0 (start) to 1 (end). */
function arc(from: number, to: number, radius: number): string {
  const point = (fraction: number) => {
    const angle = ((START + SWEEP * fraction) * Math.PI) / 180;
    return `${radius * Math.cos(angle)} ${radius * Math.sin(angle)}`;
  };
  return `M ${point(from)} A ${radius} ${radius} 0 ${(to - from) * SWEEP > 180 ? 1 : 0} 1 ${point(to)}`;
}

interface DialProps {
  value: FieldDisplay;
  size: { width: number; height: number };
  bands: boolean;
  color: (name: string) => string;
  ground: string;
  ink: string;
}

function Dial({ value: { display, field }, size, bands, color, ground, ink }: DialProps) {
  const { min = 0, max = 100, thresholds }: FieldConfig = field;
  const share = (number: number) => Math.min(1, Math.max(0, (number - min!) / (max! - min! || 1)));
  const steps = thresholds?.steps ?? [];
  const edges = [...steps.map((step) => (thresholds?.mode === 'percentage' ? step.value / 100 : share(step.value))), 1];
  const text = formattedValueToString(display) || 'No data';
  return (
    <svg {...size} viewBox="-100 -100 200 180" role="img" aria-label={`${display.title ?? ''} ${text}`}>
      <path d={arc(0, 1, RADIUS)} fill="none" stroke={ground} strokeWidth={24} />
      {Number.isFinite(display.numeric) && (
        <path d={arc(0, share(display.numeric), RADIUS)} fill="none" stroke={display.color} strokeWidth={24} />
      )}
      {bands &&
        steps.map((step, i) => (
          <path
            key={i}
            d={arc(Math.max(0, edges[i]!), edges[i + 1]!, 97)}
            fill="none"
            stroke={color(getActiveThreshold(step.value, steps).color)}
            strokeWidth={5}
          />
        ))}
      <text textAnchor="middle" y={12} fontSize={Math.min(40, 230 / text.length)} fill={display.color ?? ink}>
        {text}
      </text>
      <text textAnchor="middle" y={74} fontSize={18} fill={ink}>
        {display.title}
      </text>
    </svg>
  );
}

export function GaugePanel(props: VizProps) {
  const { colors, visualization } = props.theme;
  return (
    <Values
      {...props}
      autoGrid
      render={({ value, width, height }) => (
        <Dial
          value={value}
          size={{ width, height }}
          bands={props.options.showThresholdMarkers ?? true}
          color={visualization.getColorByName}
          ground={colors.background.secondary}
          ink={colors.text.primary}
        />
      )}
    />
  );
}
