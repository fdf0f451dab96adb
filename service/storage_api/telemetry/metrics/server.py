"""Saturation: how much of what the server has is in use, from its own books."""

from __future__ import annotations

from collections.abc import Sized
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge


class ThreadPool(Protocol):
    """What the gauges read of a server's pool of threads."""

    threads: Sized
    queue: Sized
    active_count: int


def watch_server(dispatcher: ThreadPool, connections: Sized, registry: CollectorRegistry) -> None:
    """Show in `registry` the threads and the queue of `dispatcher`, and the number of `connections`."""
    for name, help, read in (
        ("threads", "Threads that work on requests.", lambda: len(dispatcher.threads)),
        ("busy_threads", "Threads that are at work.", lambda: dispatcher.active_count),
        ("queued_requests", "Requests that wait for a thread.", lambda: len(dispatcher.queue)),
        ("open_connections", "Connections of clients.", lambda: len(connections)),
    ):
        Gauge(f"http_server_{name}", help, registry=registry).set_function(read)
