"""The servers to compare: the same waitress, each with a different WSGI app.

python -m bench.servers NAME      listens on a free loopback port and prints the port as its only line
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from storage_api.api.app import StorageApi, create_app
from storage_api.config import Config
from storage_api.http_server.server import Server
from storage_api.stores import MemoryStore
from storage_api.telemetry import log

PATH = "/api/buckets/bench"
BODY = b"x" * 1024


def plain() -> StorageApi:
    """A plain WSGI function with the same response, header by header: the cost of the server alone."""
    app = bare()
    headers = [
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(len(BODY))),
        ("ETag", f'"{hashlib.sha256(BODY).hexdigest()}"'),
        ("Accept-Ranges", "bytes"),
        ("Content-Security-Policy", "sandbox"),
        ("X-Content-Type-Options", "nosniff"),
    ]

    def answer(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", headers)
        return [BODY]

    app.wsgi_app = answer
    return app


def bare() -> StorageApi:
    """The storage API without instrumentation."""
    return StorageApi(config(), store(), CollectorRegistry())


def metrics() -> StorageApi:
    """The storage API with all of its metrics."""
    return create_app(config(), store())


def metrics_and_logs() -> StorageApi:
    """The storage API as it runs by default: all metrics, and a JSON log line per request."""
    return create_app(config(log_requests=True), store())


def naive() -> StorageApi:
    """A textbook middleware: it looks up its labels on every request and uses the raw path as one of them."""
    app = bare()
    names = ("path", "method", "status")
    count = Counter("http_request_count", "Requests.", names, registry=app.registry)
    seconds = Histogram("http_request_duration_seconds", "Durations.", names, registry=app.registry)
    inner = app.wsgi_app

    def middleware(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = perf_counter()
        status = ""

        def start(line: str, *rest: Any) -> Any:
            nonlocal status
            status = line[:3]
            return start_response(line, *rest)

        body = inner(environ, start)
        labels = (environ["PATH_INFO"], environ["REQUEST_METHOD"], status)
        count.labels(*labels).inc()
        seconds.labels(*labels).observe(perf_counter() - started)
        return body

    app.wsgi_app = middleware
    return app


def prometheus_flask_exporter() -> StorageApi:
    """The storage API with prometheus-flask-exporter, grouped by route."""
    from prometheus_flask_exporter import PrometheusMetrics  # noqa: PLC0415 - the other servers run without it

    app = bare()
    PrometheusMetrics(app, path="/exporter", group_by="url_rule", registry=app.registry)
    return app


def opentelemetry() -> StorageApi:
    """The storage API with OpenTelemetry's Flask instrumentation; metrics only, no spans."""
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"
    # The other servers run without these packages.
    from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415
    from opentelemetry.instrumentation.flask import FlaskInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415

    app = bare()
    FlaskInstrumentor().instrument_app(app, meter_provider=MeterProvider([PrometheusMetricReader()]))
    return app


SERVERS: dict[str, tuple[str, Callable[[], StorageApi]]] = {
    "plain": ("plain WSGI function", plain),
    "bare": ("storage API without instrumentation", bare),
    "metrics": ("storage API, all families", metrics),
    "logs": ("storage API, all families and JSON logs", metrics_and_logs),
    "naive": ("naive middleware", naive),
    "exporter": ("prometheus-flask-exporter", prometheus_flask_exporter),
    "opentelemetry": ("OpenTelemetry's Flask instrumentation", opentelemetry),
}
"""{name: (description, app)}"""


def config(log_requests: bool = False) -> Config:
    """Settings shared by all servers."""
    return Config(host="127.0.0.1", port=0, store="memory", log_requests=log_requests)


def store() -> MemoryStore:
    """A store holding the object that every request reads."""
    store = MemoryStore()
    store.put("bench", io.BytesIO(BODY))
    return store


if __name__ == "__main__":
    log.configure(config())
    server = Server(SERVERS[sys.argv[1]][1](), config())
    print(server.port, flush=True)
    server.run()
