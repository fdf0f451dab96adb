"""The servers that are compared: the same waitress, and on it one WSGI app or another.

python -m bench.servers NAME      listens on a free loopback port, and says which as its only line
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

from storage_api.api.app import StorageApi, bare_app, create_app
from storage_api.config import Config
from storage_api.http_server.server import Server
from storage_api.stores import MemoryStore
from storage_api.telemetry import log

PATH = "/api/buckets/bench"
BODY = b"x" * 1024


def plain() -> StorageApi:
    """A WSGI function that answers the same, header by header: what a server costs by itself."""
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
    return bare_app(config(), store(), CollectorRegistry())


def metrics() -> StorageApi:
    """The storage API with every family of metrics."""
    return create_app(config(), store())


def metrics_and_logs() -> StorageApi:
    """The storage API as it runs by default: a JSON line for each request, too."""
    return create_app(config(log_requests=True), store())


def naive() -> StorageApi:
    """What one writes first: a middleware that looks its labels up for each request, path and all."""
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
    """prometheus-flask-exporter, by route."""
    from prometheus_flask_exporter import PrometheusMetrics  # noqa: PLC0415 - others run without it

    app = bare()
    PrometheusMetrics(app, path="/exporter", group_by="url_rule", registry=app.registry)
    return app


def opentelemetry() -> StorageApi:
    """OpenTelemetry's instrumentation of Flask, its metrics alone: no span is recorded."""
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"
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
    """Settings that are the same for all."""
    return Config(host="127.0.0.1", port=0, store="memory", log_requests=log_requests)


def store() -> MemoryStore:
    """A store that has the object that is asked for."""
    store = MemoryStore()
    store.put("bench", io.BytesIO(BODY))
    return store


if __name__ == "__main__":
    log.configure(config())
    server = Server(SERVERS[sys.argv[1]][1](), config())
    print(server.port, flush=True)
    server.run()
