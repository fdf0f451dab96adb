"""HTTP metrics: every response counts exactly once, under labels whose values are bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from flask import Flask, Request, request
from flask.globals import request_ctx
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from werkzeug.exceptions import MethodNotAllowed

UNMATCHED = "unmatched"
"""Label `path` of a request that matches no route."""
OTHER_METHOD = "_OTHER"
"""Label `method` of a method that HTTP does not define."""
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
LABELS = ("path", "method", "status")

_ROUTE = "storage_api.route"

# They would add a series to each counter and histogram that no query of ours reads.
disable_created_metrics()


def route_of(request: Request) -> str:
    """The template of the route that `request` matches; for a wrong method, of the route it would match."""
    rule = request.url_rule
    if rule is None and isinstance(request.routing_exception, MethodNotAllowed):
        method = request.routing_exception.valid_methods[0]
        rule, _ = request_ctx.url_adapter.match(method=method, return_rule=True)
    return rule.rule if rule else UNMATCHED


class Instrumentation:
    """WSGI middleware around a Flask app that observes each response into `registry`.

    It observes when the response's status is known and before its first byte is sent: who has an answer
    finds it in the metrics. The server has read the request by then, so neither transfer is timed.
    """

    def __init__(self, app: Flask, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "http_request_count", "HTTP responses by route, method and status.", LABELS, registry=registry
        )
        self.duration = Histogram(
            "http_request_duration_seconds", "Time from request to response.", LABELS, registry=registry
        )
        self.wsgi_app = app.wsgi_app
        app.wsgi_app = self
        app.before_request(self._note_route)

    @staticmethod
    def _note_route() -> None:
        request.environ[_ROUTE] = route_of(request)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = perf_counter()
        status = ""

        def start(line: str, *rest: Any) -> Any:
            nonlocal status
            status = line[:3]
            return start_response(line, *rest)

        body = self.wsgi_app(environ, start)
        method = environ["REQUEST_METHOD"]
        labels = (environ[_ROUTE], method if method in METHODS else OTHER_METHOD, status)
        self.requests.labels(*labels).inc()
        self.duration.labels(*labels).observe(perf_counter() - started)
        return body
