"""What the pods of the two services expose."""

from __future__ import annotations

from collections.abc import Iterator

from bench.dashboards.cluster import PODS, STORAGE_API
from bench.dashboards.count import Labels
from bench.dashboards.series.named import named, target_labels, up
from lab.render.chart import NAMESPACE
from storage_api.api.app import create_app
from storage_api.config import Config
from storage_api.http_server.threads import ThreadPool
from storage_api.stores import MemoryStore
from storage_api.telemetry.metrics import watch_server

NAMES = ("carts", "orders", "payments", "prices", "items")
ROUTES = {
    **dict.fromkeys((f"/{name}" for name in NAMES), ("GET", "POST")),
    **dict.fromkeys((f"/{name}/{{id}}" for name in NAMES), ("GET", "DELETE")),
}
"""The routes of checkout, with their methods."""
CODES = ("200", "404", "500")
"""Statuses of each route and method: OpenTelemetry exposes only those that have occurred."""
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75",
          "1.0", "2.5", "5.0", "7.5", "10.0", "+Inf")  # fmt: skip


def series() -> Iterator[Labels]:
    """Both services."""
    yield from _storage_api()
    yield from _checkout()


def _storage_api() -> Iterator[Labels]:
    """What the storage API exposes by default, with faults enabled."""
    app = create_app(Config(store="filesystem", faults_enabled=True), MemoryStore())
    watch_server(ThreadPool(0), (), app.registry)
    for number, pod in enumerate(PODS[NAMESPACE, STORAGE_API]):
        target = target_labels(NAMESPACE, STORAGE_API, pod, number)
        yield from up(target)
        for family in app.registry.collect():
            for sample in family.samples:
                yield {"__name__": sample.name, **target, **sample.labels}


def _checkout() -> Iterator[Labels]:
    """OpenTelemetry's histogram of requests."""
    duration = "http_server_request_duration_seconds"
    for number, pod in enumerate(PODS["shop", "checkout"]):
        target = target_labels("shop", "checkout", pod, number)
        yield from up(target)
        for route, methods in ROUTES.items():
            by = {"http_request_method": methods, "http_response_status_code": CODES}
            served = {**target, "http_route": route}
            yield from named(f"{duration}_count {duration}_sum", served, **by)
            yield from named(f"{duration}_bucket", served, **by, le=BOUNDS)
        yield from named("target_info", target, service_version=["1.4.2"], service_name=["checkout"])
        yield from named("process_start_time_seconds process_open_fds process_max_fds", target)
