/** State timeline: the state of each series over time. */
import { VisibilityMode } from '@grafana/schema';
import { SeriesIcon, VizLayout } from '@grafana/ui';
import { useMemo } from 'react';

import { statesOf } from './prepare';
import { TimeGrid } from './timegrid';
import type { VizProps } from './viz';

export function StateTimelinePanel(props: VizProps) {
  const { frames, options, range, width, height } = props;
  const { lanes, cells } = useMemo(() => statesOf(frames, range), [frames, range]);
  const labelled = options.showValue !== VisibilityMode.Never;
  const drawn = useMemo(
    () => (labelled ? cells : cells.map((cell) => ({ ...cell, label: undefined }))),
    [cells, labelled],
  );
  const states = new Map(cells.map(({ value, color }) => [value, color]));
  const legend =
    options.legend?.showLegend === false ? null : (
      <VizLayout.Legend placement="bottom">
        <div className="legend">
          {[...states].map(([value, color]) => (
            <span key={value}>
              <SeriesIcon color={color} /> {value}
            </span>
          ))}
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
          lanes={lanes}
          named="middle"
          cells={drawn}
          fill={options.rowHeight ?? 0.9}
        />
      )}
    </VizLayout>
  );
}
