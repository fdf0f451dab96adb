"""Observability of each request: metrics, log lines, trace context and spans."""
