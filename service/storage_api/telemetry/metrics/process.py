"""Metrics of the process, the Python runtime and the service's version."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Info, PlatformCollector, ProcessCollector

from storage_api import __version__


def watch_process(registry: CollectorRegistry) -> None:
    """Expose in `registry` the process's resources, the Python release and the service's version."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Info("storage_build", "Version of the running service.", registry=registry).info({"version": __version__})
