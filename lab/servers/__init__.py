"""One module for each server that the lab runs: its configuration, made from the render, and its command."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A server of the platform."""

    port: str
    """The field of Ports with the port it answers on."""
    ready: str
    """The path that answers 200 once it is ready."""


PARTS = {
    "storage-api": Part("service", "/readyz"),
    "checkout": Part("checkout", "/healthz"),
    "prometheus": Part("prometheus", "/-/ready"),
    "alertmanager": Part("alertmanager", "/-/ready"),
    "receiver": Part("receiver", "/healthz"),
    "grafana": Part("grafana", "/api/health"),
}
"""Every server by the name of its command."""
