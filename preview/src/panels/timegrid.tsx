/** Lanes of coloured cells over time, shared by heatmap and state timeline. */
import { dateTimeFormat, type GrafanaTheme2, type LinkModel, type TimeRange } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import {
  KeyboardPlugin,
  measureText,
  Portal,
  UPLOT_AXIS_FONT_SIZE,
  UPlotChart,
  UPlotConfigBuilder,
  VizTooltipContainer,
  VizTooltipContent,
  VizTooltipFooter,
  VizTooltipHeader,
  VizTooltipWrapper,
} from '@grafana/ui';
import { useMemo, useState } from 'react';
import type uPlot from 'uplot';

import type { Mark } from '../query';
import { Marks } from './marks';

/** In characters; less on narrow screens. Longer names are cut; the tooltip shows them in full. */
const MAX_NAME_LENGTH = 30;

export interface Cell {
  lane: number;
  from: number;
  to: number;
  color: string;
  /** Text drawn inside the cell if it fits. */
  label?: string;
  value: string;
  /** Where a click on the cell may lead. */
  links?: () => LinkModel[];
}

interface Hover {
  cell: Cell;
  x: number;
  y: number;
  /** True after a click: the tooltip stays, with the cell's links. */
  pinned?: boolean;
}

interface Props {
  /** Names of the lanes, bottom to top. */
  lanes: string[];
  /** Position of a lane's name: in its middle, or at its top edge (for a bucket's upper bound). */
  named: 'middle' | 'top';
  cells: Cell[];
  /** Fraction of the lane's height that its cells fill, 0 to 1. */
  fill: number;
  marks: Mark[];
  /** The height at which an exemplar's value is drawn, in lanes from the bottom. */
  position?: (value: number) => number;
  width: number;
  height: number;
  range: TimeRange;
  timeZone: string;
  theme: GrafanaTheme2;
}

function paint(u: uPlot, { cells, fill, theme }: Props) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${12 * devicePixelRatio}px ${theme.typography.fontFamily}`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  for (const { lane, from, to, color, label } of cells) {
    const left = u.valToPos(from, 'x', true);
    const top = u.valToPos(lane + (1 + fill) / 2, 'y', true);
    const wide = u.valToPos(to, 'x', true) - left;
    const high = u.valToPos(lane + (1 - fill) / 2, 'y', true) - top;
    ctx.fillStyle = color;
    ctx.fillRect(left, top, Math.max(1, wide - 1), Math.max(1, high - 1));
    if (label && ctx.measureText(label).width + 8 < wide) {
      ctx.fillStyle = theme.colors.getContrastText(color);
      ctx.fillText(label, Math.max(left, bbox.left) + 4, top + high / 2);
    }
  }
  ctx.restore();
}

export function TimeGrid(props: Props) {
  const { lanes, named, cells, marks, position, width, height, range, timeZone, theme } = props;
  const [hover, setHover] = useState<Hover>();
  const builder = useMemo(() => {
    const built = new UPlotConfigBuilder(timeZone);
    const { Horizontal, Vertical } = ScaleOrientation;
    const span = (): [number, number] => [range.from.valueOf(), range.to.valueOf()];
    built.addScale({
      scaleKey: 'x',
      isTime: true,
      orientation: Horizontal,
      direction: ScaleDirection.Right,
      range: span,
    });
    built.addScale({
      scaleKey: 'y',
      orientation: Vertical,
      direction: ScaleDirection.Up,
      range: () => [0, lanes.length],
    });
    built.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone, theme });
    // Where lanes are lower than a line of text, only every n-th name is shown.
    const every = Math.ceil((lanes.length * 16) / Math.max(1, height - 40));
    const shown = lanes.map((_, i) => i).filter((i) => i % every === 0);
    const most = Math.min(MAX_NAME_LENGTH, Math.floor(width / 20));
    const names = lanes.map((name) => (name.length > most ? `${name.slice(0, most)}…` : name));
    built.addAxis({
      scaleKey: 'y',
      placement: AxisPlacement.Left,
      size: Math.max(...names.map((name) => measureText(name, UPLOT_AXIS_FONT_SIZE).width)) + 16,
      theme,
      grid: { show: false },
      splits: () => shown.map((i) => i + (named === 'top' ? 1 : 0.5)),
      values: () => shown.map((i) => names[i]!),
    });
    built.addSeries({ scaleKey: 'y', theme, pathBuilder: () => null, show: true });
    built.setCursor({ drag: { x: false, y: false }, points: { show: false } });
    built.addHook('draw', (u) => paint(u, props));
    built.addHook('setCursor', (u) => {
      const { left = -1, top = -1 } = u.cursor;
      const [at, lane] = [u.posToVal(left, 'x'), Math.floor(u.posToVal(top, 'y'))];
      const cell = left < 0 ? undefined : cells.find((c) => c.lane === lane && c.from <= at && at < c.to);
      const box = u.over.getBoundingClientRect();
      setHover((before) => (before?.pinned ? before : cell && { cell, x: box.left + left, y: box.top + top }));
    });
    built.addHook('init', ({ over }) => {
      over.addEventListener('click', () => setHover((before) => before && { ...before, pinned: !before.pinned }));
    });
    return built;
  }, [props]);
  const data = useMemo<uPlot.AlignedData>(
    () => [
      [range.from.valueOf(), range.to.valueOf()],
      [null, null],
    ],
    [range],
  );
  return (
    <>
      <UPlotChart config={builder} data={data} width={width} height={height}>
        <KeyboardPlugin config={builder} />
        <Marks builder={builder} marks={marks} color={theme.visualization.getColorByName} position={position} />
      </UPlotChart>
      {hover && (
        <Portal>
          <VizTooltipContainer position={hover} offset={{ x: 10, y: 10 }}>
            <VizTooltipWrapper>
              <VizTooltipHeader item={{ label: '', value: dateTimeFormat(hover.cell.from, { timeZone }) }} />
              <VizTooltipContent
                items={[{ label: lanes[hover.cell.lane]!, value: hover.cell.value, color: hover.cell.color }]}
                isPinned={hover.pinned ?? false}
              />
              {hover.pinned && <VizTooltipFooter dataLinks={hover.cell.links?.() ?? []} />}
            </VizTooltipWrapper>
          </VizTooltipContainer>
        </Portal>
      )}
    </>
  );
}
