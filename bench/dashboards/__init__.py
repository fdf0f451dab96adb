"""Cost of opening the dashboards, in samples that Prometheus touches (`make bench-dashboards`)."""
