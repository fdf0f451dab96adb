"""Metrics of the process and of the build that it runs."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Info, PlatformCollector, ProcessCollector

from storage_api import __version__


def watch_process(registry: CollectorRegistry) -> None:
    """Show in `registry` what the process uses, on which Python, and the service's version."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Info("storage_build", "The running build.", registry=registry).info({"version": __version__})
