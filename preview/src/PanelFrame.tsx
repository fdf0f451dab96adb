/** One panel with its frame: queries the data, then draws it or shows why it cannot. */
import { EventBusSrv, LoadingState, renderMarkdown, type DataFrame } from '@grafana/data';
import { ErrorBoundary, PanelChrome, PanelContextProvider, SeriesVisibilityChangeMode, useTheme2 } from '@grafana/ui';
import { memo, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

import { applyFieldConfig, fieldConfigOf, transform } from './fields';
import type { Panel } from './dashboard';
import type { Placed } from './layout';
import { VISUALIZATIONS } from './panels';
import type { View } from './panels/viz';
import { queryPanel, type Answer } from './query';
import { interpolate } from './variables';

interface Props {
  placed: Placed;
  view: View;
  scrapeInterval: string;
  links: ReactNode;
}

interface Result extends Answer {
  error?: string;
}

// Grafana draws these without data too, in the text and colour that the mappings give to null.
const DRAWS_NULL = new Set(['stat', 'bargauge']);

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));

function useSize() {
  const ref = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      setSize({ width: Math.floor(width), height: Math.floor(height) });
    });
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, []);
  return { ref, ...size };
}

/** The panel's transformed frames. While new ones load, the previous ones stay. */
function useAnswer({ placed: { panel, scope }, view: { range }, scrapeInterval }: Props, points: number): Result | undefined {
  const [result, setResult] = useState<Result>();
  useEffect(() => {
    if (points === 0) {
      return;
    }
    const controller = new AbortController();
    const run = async () => {
      const answer = await queryPanel(panel, scope, range, points, scrapeInterval, controller.signal);
      const replace = (text: string) => interpolate(text, answer.scope, 'text');
      return { ...answer, frames: await transform(panel, answer.frames, replace) };
    };
    run()
      .catch((error: unknown): Result => ({ frames: [], exemplars: [], scope, error: message(error) }))
      .then((next) => controller.signal.aborted || setResult(next));
    return () => controller.abort();
  }, [panel, scope, range, points, scrapeInterval]);
  return result;
}

interface BodyProps {
  panel: Panel;
  view: View;
  result: Result;
  width: number;
  height: number;
}

function Body({ panel, view, result, width, height }: BodyProps) {
  const theme = useTheme2();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const drawn = useMemo(() => {
    const fieldConfig = fieldConfigOf(panel);
    const replace = (text: string) => interpolate(text, result.scope, 'text');
    const frames = applyFieldConfig(result.frames, fieldConfig, theme, view.timeZone, replace, view.lead, hidden);
    return { panel, options: panel.options ?? {}, fieldConfig, frames, replace, theme };
  }, [panel, result, theme, view.timeZone, view.lead, hidden]);
  const marks = useMemo(() => [...view.marks, ...result.exemplars], [view, result]);
  const context = useMemo(
    () => ({
      eventsScope: 'global',
      eventBus: new EventBusSrv(),
      onToggleSeriesVisibility: (label: string | string[] | null, mode: SeriesVisibilityChangeMode) =>
        setHidden((before) => toggled(before, [label ?? []].flat(), mode, names(drawn.frames))),
    }),
    [drawn],
  );
  const Viz = VISUALIZATIONS[panel.type]!;
  return (
    <PanelContextProvider value={context}>
      <Viz {...view} {...drawn} marks={marks} width={width} height={height} />
    </PanelContextProvider>
  );
}

const names = (frames: DataFrame[]) =>
  frames.flatMap(({ fields }) =>
    fields.flatMap(({ type, state }) => (type === 'number' ? [state?.displayName ?? ''] : [])),
  );

/** The hidden series after a click on a legend entry: all others, none on a second click; with Ctrl, just this one. */
function toggled(hidden: ReadonlySet<string>, labels: string[], mode: SeriesVisibilityChangeMode, all: string[]) {
  if (mode === SeriesVisibilityChangeMode.AppendToSelection) {
    return hidden.symmetricDifference(new Set(labels));
  }
  const others = new Set(all).difference(new Set(labels));
  return others.size === hidden.size && hidden.isSubsetOf(others) ? new Set<string>() : others;
}

export const PanelFrame = memo(function PanelFrame(props: Props) {
  const { panel, scope } = props.placed;
  const { ref, width, height } = useSize();
  const known = VISUALIZATIONS[panel.type] !== undefined;
  // Rounded, so that a small change of width does not query again.
  const points = panel.maxDataPoints ?? Math.ceil(width / 100) * 100;
  const result = useAnswer(props, known ? points : 0);
  const [broken, setBroken] = useState<{ result: Result; words: string }>();
  const title = interpolate(panel.title ?? '', scope, 'text');

  const empty = !result?.frames.some(({ length }) => length > 0);
  const thrown = broken?.result === result ? broken?.words : undefined;
  const error = known ? (thrown ?? result?.error) : `The preview cannot draw panels of type "${panel.type}".`;
  // The page is ready once no panel is loading, see useReady.
  const state = error ? 'error' : !result ? 'loading' : empty ? 'empty' : 'drawn';
  const silent = empty && !DRAWS_NULL.has(panel.type);
  const words = error ?? (silent ? (panel.fieldConfig?.defaults.noValue ?? 'No data') : undefined);

  return (
    <div ref={ref} className="panel" data-panel={panel.id} data-kind={panel.type} data-state={state}>
      {width > 0 && (
        <PanelChrome
          title={title}
          // The library inserts this as HTML: renderMarkdown sanitizes it.
          description={panel.description && renderMarkdown(interpolate(panel.description, scope, 'text'))}
          titleItems={props.links}
          width={width}
          height={height}
          loadingState={state === 'loading' ? LoadingState.Loading : LoadingState.Done}
        >
          {(innerWidth, innerHeight) =>
            words !== undefined ? (
              <p className="preview-message" role={error ? 'alert' : undefined}>
                {words}
              </p>
            ) : (
              result && (
                <ErrorBoundary onError={(fault) => setBroken({ result, words: `The preview cannot draw this panel: ${message(fault)}` })}>
                  {({ error: fault }) =>
                    fault ? null : (
                      <Body panel={panel} view={props.view} result={result} width={innerWidth} height={innerHeight} />
                    )
                  }
                </ErrorBoundary>
              )
            )
          }
        </PanelChrome>
      )}
    </div>
  );
});
