import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const MODULES = join(import.meta.dirname, 'node_modules');
const FONTS = { Regular: '400-normal', Medium: '500-normal', Italic: '400-italic', MediumItalic: '500-italic' };
const MONO = 'L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ';

/** @grafana/ui looks for its icons and fonts below public/, beside the page. */
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
      // The time picker asks for an icon that the package forgot.
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
    // A code editor that no panel shows: 2.7 MB.
    alias: { 'monaco-editor': join(import.meta.dirname, 'src/empty.ts') },
  },
  // Grafana's libraries name imports that Node.js does not find in CommonJS modules.
  test: { server: { deps: { inline: [/@grafana/, /moment/] } } },
  build: { chunkSizeWarningLimit: 4000, target: 'es2023' },
});
