/** Checks dashboards against Grafana's types: node schema/check.mjs <dashboard.json> ... */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const folder = dirname(fileURLToPath(import.meta.url));
// As TypeScript source, because values from imported JSON files would only have the type `string`.
const sources = new Map(
  process.argv.slice(2).map((path) => [
    join(folder, `${basename(path, '.json')}.json.ts`),
    `import type { DashboardJson } from './dashboard';\nexport const json = ${readFileSync(path, 'utf8').trim()} satisfies DashboardJson;\n`,
  ]),
);
const options = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.esnext.d.ts', 'lib.dom.d.ts'],
  types: [],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
};
const host = ts.createCompilerHost(options);
const { fileExists, readFile, getSourceFile } = host;
host.fileExists = (name) => sources.has(name) || fileExists(name);
host.readFile = (name) => sources.get(name) ?? readFile(name);
host.getSourceFile = (name, ...rest) =>
  sources.has(name) ? ts.createSourceFile(name, sources.get(name), rest[0]) : getSourceFile(name, ...rest);
const program = ts.createProgram([...sources.keys()], options, host);
const found = ts.getPreEmitDiagnostics(program);
process.stderr.write(ts.formatDiagnostics(found, host));
process.exitCode = found.length > 0 ? 1 : 0;
