/** Stands in for modules that the preview never runs. */
export {};
