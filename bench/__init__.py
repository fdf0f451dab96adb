"""Benchmark of instrumentation: the storage API compared with other servers (`make bench-service`)."""
