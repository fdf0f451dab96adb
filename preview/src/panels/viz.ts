/** What every kind of panel is given to draw itself. */
import type { DataFrame, FieldConfigSource, GrafanaTheme2, TimeRange } from '@grafana/data';

import type { Panel } from '../dashboard';
import type { Mark } from '../query';

/** What all panels of a dashboard show at a moment. */
export interface View {
  range: TimeRange;
  timeZone: string;
  /** What happened in the range. */
  marks: Mark[];
  /** Narrows the page to a range in milliseconds. */
  zoom: (range: { from: number; to: number }) => void;
}

export interface VizProps extends View {
  panel: Panel;
  /** The panel's own options; `{}` if it has none. */
  options: Record<string, any>;
  frames: DataFrame[];
  fieldConfig: FieldConfigSource;
  width: number;
  height: number;
  theme: GrafanaTheme2;
  replace: (text: string) => string;
}
