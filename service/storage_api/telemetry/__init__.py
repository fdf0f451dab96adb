"""What is told about each request: metrics, log lines, trace context and spans."""
