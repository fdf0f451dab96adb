/** Annotations and exemplars on a graph: regions and lines on its canvas, and markers with a tooltip. */
import { Marker, Tooltip, XYCanvas, type UPlotConfigBuilder } from '@grafana/ui';
import { useLayoutEffect, useRef, useState } from 'react';
import type uPlot from 'uplot';

import type { Mark } from '../query';

interface Props {
  builder: UPlotConfigBuilder;
  marks: Mark[];
  color: (name: string) => string;
  /** The position of an exemplar's value on the vertical scale, if that is not the value itself. */
  position?: (value: number) => number;
}

/** Draws annotations over the whole height of the plot; exemplars are drawn as markers only. */
function paint({ ctx, bbox, valToPos }: uPlot, marks: Mark[], color: Props['color']) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.setLineDash([4, 4]);
  for (const { from, to, color: name } of marks.filter(({ value }) => value === undefined)) {
    const left = valToPos(from, 'x', true);
    ctx.fillStyle = ctx.strokeStyle = color(name);
    ctx.globalAlpha = 0.1; // as Grafana
    ctx.fillRect(left, bbox.top, valToPos(to, 'x', true) - left, bbox.height);
    ctx.globalAlpha = 1;
    ctx.strokeRect(left, bbox.top - 1, 0, bbox.height + 2);
  }
  ctx.restore();
}

export function Marks({ builder, marks, color, position = (value) => value }: Props) {
  // A new object after each draw, so that the markers below move with the plot.
  const [drawn, setDrawn] = useState<{ u: uPlot }>();
  // The draw hook outlives a render: a ref gives it the current marks.
  const current = useRef(marks);
  current.current = marks;
  useLayoutEffect(() => {
    builder.addHook('draw', (u) => {
      paint(u, current.current, color);
      setDrawn({ u });
    });
  }, [builder, color]);
  if (!drawn) {
    return null;
  }
  const { u } = drawn;
  const { min = 0, max = 0 } = u.scales.x ?? {};
  const scale = Object.keys(u.scales).find((key) => key !== 'x') ?? 'x';
  return (
    <XYCanvas left={u.bbox.left / devicePixelRatio} top={u.bbox.top / devicePixelRatio}>
      {marks.map(({ from, to, value, title, text, color: name }, i) => {
        const left = u.valToPos(Math.max(from, min!), 'x');
        // An annotation's marker spans its period; an exemplar's is a point.
        const width = value === undefined ? Math.max(0, u.valToPos(Math.min(to, max!), 'x') - left) : 0;
        const top = value === undefined ? u.over.clientHeight : u.valToPos(position(value), scale);
        return to < min! || from > max! ? null : (
          <Marker key={i} x={left} y={top}>
            <Tooltip content={[title, text].filter(Boolean).join(': ')}>
              <button
                type="button"
                className={`event ${value !== undefined ? 'event-exemplar' : width > 10 ? 'event-region' : 'event-annotation'}`}
                style={{ color: color(name), width: width > 10 ? width : undefined }}
                aria-label={`${title} ${text}`}
              />
            </Tooltip>
          </Marker>
        );
      })}
    </XYCanvas>
  );
}
