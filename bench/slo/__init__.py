"""Benchmark of service levels: our rules beside those of Sloth and Pyrra (`make bench-slo`)."""
