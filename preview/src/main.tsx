/** Entry point: shows the dashboard that the address names, else the start page, with a line if the name is unknown. */
import { createTheme, ThemeContext } from '@grafana/data';
import { ErrorBoundary, GlobalStyles, PortalContainer } from '@grafana/ui';
import { StrictMode, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';

import { parse, useSearch } from './address';
import type { Dashboard } from './dashboard';
import { DashboardPage } from './DashboardPage';
import { loadDashboard, loadPlatform, type Platform } from './platform';
import { StartPage } from './StartPage';
import './style.css';

const prefersDark = matchMedia('(prefers-color-scheme: dark)');

function useDark(): boolean {
  return useSyncExternalStore(
    (changed) => {
      prefersDark.addEventListener('change', changed);
      return () => prefersDark.removeEventListener('change', changed);
    },
    () => prefersDark.matches,
  );
}

interface Files {
  platform?: Platform;
  dashboard?: Dashboard;
  error?: string;
}

async function load(uid: string | undefined): Promise<Files> {
  const files: Files = {};
  try {
    files.platform = await loadPlatform();
    files.dashboard = uid ? await loadDashboard(files.platform, uid) : undefined;
  } catch (error) {
    files.error = (error as Error).message;
  }
  return files;
}

function Page() {
  const search = useSearch();
  const address = useMemo(() => parse(search), [search]);
  const [files, setFiles] = useState<Files>({});
  const { platform, dashboard, error } = files;
  useEffect(() => {
    void load(address.dashboard).then(setFiles);
  }, [address.dashboard]);
  useEffect(() => {
    document.title = `${dashboard?.title ?? 'Platform'} – preview`;
    if (error && !platform) {
      document.body.dataset.ready = 'true';
    }
  }, [dashboard, error, platform]);

  const systemDark = useDark();
  const isDark = address.theme ? address.theme === 'dark' : systemDark;
  const theme = useMemo(() => createTheme({ colors: { mode: isDark ? 'dark' : 'light' } }), [isDark]);
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      {error && (
        <p className="preview-message" role="alert">
          {error}
        </p>
      )}
      {platform && address.dashboard && dashboard && (
        <DashboardPage key={dashboard.uid} {...{ platform, dashboard, address }} />
      )}
      {platform && (error || !address.dashboard) && <StartPage {...{ platform, address }} />}
      <PortalContainer />
    </ThemeContext.Provider>
  );
}

// Error boundaries show errors in place of the component that threw them: keep them out of the console.
createRoot(document.getElementById('root')!, { onCaughtError: () => undefined }).render(
  <StrictMode>
    <ErrorBoundary>
      {({ error }) => (error ? <p role="alert">The preview failed: {error.message}</p> : <Page />)}
    </ErrorBoundary>
  </StrictMode>,
);
