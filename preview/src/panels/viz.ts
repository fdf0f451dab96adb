/** What every kind of panel is given to draw itself. */
import type { DataFrame, FieldConfigSource, GrafanaTheme2, TimeRange } from '@grafana/data';

import type { Panel } from '../dashboard';
import type { Mark } from '../query';

export interface VizProps {
  panel: Panel;
  /** The panel's own options; `{}` if it has none. */
  options: Record<string, any>;
  frames: DataFrame[];
  fieldConfig: FieldConfigSource;
  marks: Mark[];
  width: number;
  height: number;
  range: TimeRange;
  timeZone: string;
  theme: GrafanaTheme2;
  replace: (text: string) => string;
  /** Narrows the page to a range in milliseconds. */
  zoom: (range: { from: number; to: number }) => void;
}
