"""One module for each server that the lab runs: its configuration, made from the render, and its command."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A server of the platform."""

    port: str
    """The field of Ports with the port it answers on."""
    ready: str
    """The path that answers 200 once it is ready."""
    pages: Mapping[str, str]
    """Pages for a browser, paths by title. They need no web UI, which programs built from source lack."""


PARTS = {
    "storage-api": Part("service", "/readyz", {"OpenAPI document": "/openapi.json"}),
    "checkout": Part("checkout", "/healthz", {"metrics": "/metrics"}),
    "prometheus": Part(
        "prometheus",
        "/-/ready",
        {"targets": "/api/v1/targets", "rules": "/api/v1/rules", "configuration": "/api/v1/status/config"},
    ),
    "alertmanager": Part(
        "alertmanager",
        "/-/ready",
        {"alerts": "/api/v2/alerts", "silences": "/api/v2/silences", "status": "/api/v2/status"},
    ),
    "receiver": Part("receiver", "/healthz", {"notifications": "/notifications"}),
    "grafana": Part("grafana", "/api/health", {"Grafana": "/"}),
}
"""Every server by the name of its command."""
