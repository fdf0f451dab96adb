/** Table: one frame as rows and columns. */
import { FieldType, type DataFrame, type Field } from '@grafana/data';
import { TableNG } from '@grafana/ui/unstable';

import type { VizProps } from './viz';

/** In pixels. */
const NARROW = 500;
const FIRST_COLUMNS = 5;

const isHidden = ({ config: { custom } }: Field) => custom?.hidden === true || custom?.hideFrom?.viz === true;
// Names need more room than figures.
const weightOf = ({ type }: Field) => (type === FieldType.string ? 4 : 3);

/** On a narrow screen the first five columns fit into the width; the rest is reached by scrolling in the table. */
function fitted(frame: DataFrame, width: number): DataFrame {
  if (width >= NARROW) {
    return frame;
  }
  const first = frame.fields.filter((field) => !isHidden(field)).slice(0, FIRST_COLUMNS);
  const share = width / first.reduce((sum, field) => sum + weightOf(field), 0);
  return {
    ...frame,
    fields: frame.fields.map((field) => {
      const minWidth = Math.floor(share * weightOf(field));
      return { ...field, config: { ...field.config, custom: { ...field.config.custom, width: minWidth, minWidth } } };
    }),
  };
}

export function TablePanel({ panel, options, frames, fieldConfig, width, height, range }: VizProps) {
  return (
    <TableNG
      ariaLabel={panel.title}
      data={fitted(frames[options.frameIndex ?? 0] ?? frames[0]!, width)}
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
