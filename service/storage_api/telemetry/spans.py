"""Spans of requests and of what they ask of the store, sent by OTLP. Needs the extra `storage-api[traces]`.

Only a service that runs with OTEL_TRACES_EXPORTER=otlp imports this module, and OpenTelemetry's SDK with it.
Attributes are those of the semantic conventions for HTTP servers, as far as they are stable.
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
"""Of a value that a client chooses; the head of a request may have 64 KiB."""
UNTRACED = routes.paths(starts_traces=False)
"""Probes and scrapes begin no trace, as there are so many of them; a trace that is sent there goes on."""


class Spans:
    """Begins a span with each request, and ends it as an observer of exchanges."""

    def __init__(self) -> None:
        """Send as OpenTelemetry's variables say; raises ConfigError for what they can't mean together."""
        own = Resource.create({SERVICE_NAME: "storage-api", SERVICE_VERSION: __version__})
        # What the environment says of the resource wins.
        resource = own.merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        try:
            self._queue = SpanQueue()
        except ValueError as error:
            raise ConfigError(f"OTEL_BSP_*: {error}") from None
        self._provider.add_span_processor(self._queue)
        # It quotes whatever tracestate it does not understand.
        logging.getLogger("opentelemetry.trace.span").setLevel(logging.ERROR)
        self._tracer = self._provider.get_tracer(__package__, __version__)

    def on_loss(self, call: Callable[[int], None]) -> None:
        """Call `call`, on any thread, with the number of spans whenever some are lost."""
        self._queue.losses.on_loss = call

    def begin(self, exchange: Exchange) -> TraceContext | None:
        """The trace of a request that was just read, with a span for it; None where none begins."""
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
        """An operation of the store that has just ended: a child of the request's span that it was for."""
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
        """Send what has not been sent, as far as that can be done within so many `seconds`."""
        self._queue.close(seconds)


def _later(span: ReadableSpan, seconds: float) -> int:
    """The time so many `seconds` after the start of `span`, in ns: the wall clock may have been set since."""
    return span.start_time + int(seconds * 1e9)


def _name(method: str) -> str:
    return "HTTP" if method == OTHER_METHOD else method


def _remote(parent: Parent, environ: dict[str, Any]) -> Context:
    """What the caller said of the trace, for the SDK."""
    state = environ.get("HTTP_TRACESTATE", "")
    context = SpanContext(
        int(parent.trace_id, 16),
        int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(parent.flags),
        # A longer one may be dropped, and only as a whole (Trace Context, "tracestate Limits").
        trace_state=TraceState.from_header([state]) if state and len(state) <= MAX_CHARACTERS else None,
    )
    return set_span_in_context(NonRecordingSpan(context), Context())


def _of_request(exchange: Exchange) -> dict[str, str | int]:
    """What is known of a request before it is answered, which a sampler may ask."""
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
    """The address and port that a client says it asked, if it says so in a way that makes sense."""
    try:
        parts = urlsplit(f"//{host}")
        address, port = parts.hostname, parts.port
    except ValueError:
        return {}
    if not address:
        return {}
    return {"server.address": address} | ({"server.port": port} if port else {})
