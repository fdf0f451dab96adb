"""HTTP handlers, one module per concern; each has a `blueprint()` that takes what its handlers need."""
