/** An empty module, in place of dependencies that the preview never runs (see vite.config.ts). */
export {};
