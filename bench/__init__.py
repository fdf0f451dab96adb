"""What instrumentation costs: the storage API beside other servers, as `make bench-service` runs it."""
