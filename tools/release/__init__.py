"""Releases: one version everywhere, the changelog, a reproducible package of the chart, publishing."""
