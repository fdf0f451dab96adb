"""Checks a cluster before the chart is installed into it: `make doctor`. It reads, and changes nothing."""
