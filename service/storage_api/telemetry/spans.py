"""Spans of requests and of their store operations, exported by OTLP. Needs the extra `storage-api[traces]`.

Only a service with OTEL_TRACES_EXPORTER=otlp imports this module, and with it OpenTelemetry's SDK. Attributes
are the stable ones of the semantic conventions for HTTP servers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from flask import has_request_context, request
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from storage_api import __version__, routes
from storage_api.config import ConfigError
from storage_api.routes import OTHER_METHOD, UNMATCHED

from .exchange import EXCHANGE, Exchange
from .span_export import SpanQueue
from .tracing import Parent, TraceContext, parent_of

MAX_CHARACTERS = 512
"""Limit on attribute values that clients choose; the head of a request may have 64 KiB."""
UNTRACED = routes.paths(starts_traces=False)
"""Probes and scrapes start no trace, as there are too many; one with a `traceparent` continues its trace."""


class Spans:
    """Starts a span for each request; as an observer of exchanges, ends it."""

    def __init__(self) -> None:
        """Export as OpenTelemetry's variables say; raises ConfigError if OTEL_BSP_* contradict each other."""
        own = Resource.create({SERVICE_NAME: "storage-api", SERVICE_VERSION: __version__})
        # OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME override ours.
        resource = own.merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        try:
            self._queue = SpanQueue()
        except ValueError as error:
            raise ConfigError(f"OTEL_BSP_*: {error}") from None
        self._provider.add_span_processor(self._queue)
        # Its warnings quote invalid tracestate headers, which clients choose.
        logging.getLogger("opentelemetry.trace.span").setLevel(logging.ERROR)
        self._tracer = self._provider.get_tracer(__package__, __version__)

    def on_loss(self, call: Callable[[int], None]) -> None:
        """Whenever spans are lost, call `call`, on any thread, with their number."""
        self._queue.losses.on_loss = call

    def begin(self, exchange: Exchange) -> TraceContext | None:
        """Start a span for a request that was just read; None if the request starts no trace."""
        environ = exchange.environ
        parent = parent_of(environ)
        if parent is None and environ["PATH_INFO"] in UNTRACED:
            return None
        span = self._tracer.start_span(
            _name(exchange.method),
            context=_remote(parent, environ) if parent else Context(),
            kind=SpanKind.SERVER,
            attributes=_of_request(exchange),
        )
        context = span.get_span_context()
        return TraceContext(
            trace_id=f"{context.trace_id:032x}",
            span_id=f"{context.span_id:016x}",
            sampled=context.trace_flags.sampled,
            span=span,
        )

    def __call__(self, exchange: Exchange) -> None:
        """End the span of `exchange`."""
        if exchange.trace is None or not exchange.trace.span.is_recording():
            return
        span = exchange.trace.span
        span.set_attribute("http.response.status_code", exchange.status)
        if exchange.route != UNMATCHED:
            span.set_attribute("http.route", exchange.route)
            span.update_name(f"{_name(exchange.method)} {exchange.route}")
        if exchange.status >= 500:
            span.set_attribute("error.type", exchange.error_type or str(exchange.status))
            span.set_status(StatusCode.ERROR)
        span.end(_later(span, exchange.duration_seconds))

    def operation(self, backend: str, operation: str, outcome: str, seconds: float) -> None:
        """Record an operation of the store that has just ended, as a child of the current request's span."""
        exchange = request.environ[EXCHANGE] if has_request_context() else None
        trace = exchange and exchange.trace
        if trace is None or not trace.span.is_recording():
            return
        end = _later(trace.span, perf_counter() - exchange.started)
        span = self._tracer.start_span(
            f"storage {operation}",
            context=set_span_in_context(trace.span),
            attributes={
                "storage.backend": backend,
                "storage.operation": operation,
                "storage.outcome": outcome,
            },
            start_time=end - int(seconds * 1e9),
        )
        if outcome in ("error", "full"):
            span.set_attribute("error.type", outcome)
            span.set_status(StatusCode.ERROR)
        span.end(end)

    def close(self, seconds: float) -> None:
        """Export the spans that wait, within at most so many `seconds`."""
        self._queue.close(seconds)


def _later(span: ReadableSpan, seconds: float) -> int:
    """The time `seconds` after the start of `span`, in ns. The wall clock may have been set since then."""
    return span.start_time + int(seconds * 1e9)


def _name(method: str) -> str:
    return "HTTP" if method == OTHER_METHOD else method


def _remote(parent: Parent, environ: dict[str, Any]) -> Context:
    """The caller's trace context, for the SDK."""
    state = environ.get("HTTP_TRACESTATE", "")
    context = SpanContext(
        int(parent.trace_id, 16),
        int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(parent.flags),
        # A longer tracestate may be dropped, but not truncated (Trace Context, "tracestate Limits").
        trace_state=TraceState.from_header([state]) if state and len(state) <= MAX_CHARACTERS else None,
    )
    return set_span_in_context(NonRecordingSpan(context), Context())


def _of_request(exchange: Exchange) -> dict[str, str | int]:
    """Attributes known before the request is answered, so that samplers can use them."""
    environ = exchange.environ
    attributes = {
        "http.request.method": exchange.method,
        "url.scheme": environ["wsgi.url_scheme"],
        "url.path": environ["REQUEST_URI"].partition("?")[0][:MAX_CHARACTERS],
        "network.protocol.version": environ["SERVER_PROTOCOL"].removeprefix("HTTP/"),
        "client.address": environ["REMOTE_ADDR"],
    }
    if exchange.method == OTHER_METHOD:
        attributes["http.request.method_original"] = environ["REQUEST_METHOD"][:MAX_CHARACTERS]
    if query := environ["QUERY_STRING"]:
        attributes["url.query"] = query[:MAX_CHARACTERS]
    if agent := environ.get("HTTP_USER_AGENT"):
        attributes["user_agent.original"] = agent[:MAX_CHARACTERS]
    return attributes | _server(environ.get("HTTP_HOST", "")[:MAX_CHARACTERS])


@lru_cache(128)
def _server(host: str) -> dict[str, str | int]:
    """The `server.*` attributes for the value of the header Host; none if it is invalid."""
    try:
        parts = urlsplit(f"//{host}")
        address, port = parts.hostname, parts.port
    except ValueError:
        return {}
    if not address:
        return {}
    return {"server.address": address} | ({"server.port": port} if port else {})
