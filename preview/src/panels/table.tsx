/** Table: one frame as rows and columns. */
import { TableNG } from '@grafana/ui/unstable';

import type { VizProps } from './viz';

export function TablePanel({ panel, options, frames, fieldConfig, width, height, range }: VizProps) {
  return (
    <TableNG
      ariaLabel={panel.title}
      data={frames[options.frameIndex ?? 0] ?? frames[0]!}
      width={width}
      height={height}
      timeRange={range}
      fieldConfig={fieldConfig}
      noHeader={options.showHeader === false}
      sortBy={options.sortBy}
      cellHeight={options.cellHeight}
      enablePagination={options.enablePagination ?? options.footer?.enablePagination}
    />
  );
}
