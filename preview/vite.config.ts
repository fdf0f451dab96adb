import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const MODULES = join(import.meta.dirname, 'node_modules');
const FONTS = { Regular: '400-normal', Medium: '500-normal', Italic: '400-italic', MediumItalic: '500-italic' };
const MONO = 'L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ';

/** Copies the icons and fonts of @grafana/ui into public/ beside the page, where the library loads them from. */
function grafanaAssets(): Plugin {
  let out = '';
  return {
    name: 'grafana-assets',
    apply: 'build',
    configResolved: (config) => {
      out = resolve(config.root, config.build.outDir, 'public');
    },
    closeBundle: () => {
      const icons = join(out, 'build/img/icons');
      cpSync(join(MODULES, '@grafana/ui/dist/public/img/icons'), icons, { recursive: true });
      // The package lacks this icon of the time picker: mirror the opposite one.
      const right = readFileSync(join(icons, 'unicons/angle-double-right.svg'), 'utf8');
      writeFileSync(
        join(icons, 'unicons/angle-double-left.svg'),
        right.replace('<path', '<path transform="matrix(-1 0 0 1 24 0)"'),
      );
      const font = (from: string, to: string) => {
        mkdirSync(dirname(join(out, 'fonts', to)), { recursive: true });
        cpSync(join(MODULES, '@fontsource', from), join(out, 'fonts', to));
      };
      for (const [ours, theirs] of Object.entries(FONTS)) {
        font(`inter/files/inter-latin-${theirs}.woff2`, `inter/Inter-${ours}.woff2`);
      }
      font('roboto-mono/files/roboto-mono-latin-400-normal.woff2', `roboto/${MONO}.woff2`);
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [react(), grafanaAssets()],
  resolve: {
    // Leave out the code editor: 2.7 MB, and no panel shows it.
    alias: { 'monaco-editor': join(import.meta.dirname, 'src/empty.ts') },
  },
  // Grafana's libraries use named imports from CommonJS modules, which Node.js cannot resolve: let Vite bundle them.
  test: { server: { deps: { inline: [/@grafana/, /moment/] } } },
  build: { chunkSizeWarningLimit: 4000, target: 'es2023' },
});
