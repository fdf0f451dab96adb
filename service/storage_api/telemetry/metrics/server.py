"""Saturation of the server: threads, queue and connections."""

from __future__ import annotations

from collections.abc import Sized
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge


class ThreadPool(Protocol):
    """The attributes of a server's thread pool that the gauges read."""

    threads: Sized
    queue: Sized
    active_count: int


def watch_server(dispatcher: ThreadPool, connections: Sized, registry: CollectorRegistry) -> None:
    """Expose in `registry` the threads and the queue of `dispatcher`, and the number of `connections`."""
    for name, help, read in (
        ("threads", "Threads that process requests of the API.", lambda: len(dispatcher.threads)),
        ("busy_threads", "Threads that are processing a request now.", lambda: dispatcher.active_count),
        ("queued_requests", "Requests that wait for a thread.", lambda: len(dispatcher.queue)),
        ("open_connections", "Open client connections.", lambda: len(connections)),
    ):
        Gauge(f"http_server_{name}", help, registry=registry).set_function(read)
