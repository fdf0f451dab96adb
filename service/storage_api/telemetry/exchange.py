"""Exchanges: a request with its response, from the call of the app until the last byte has been sent.

Metrics, request log and spans are observers of exchanges: each is called once, when an exchange ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from flask import Flask, Request
from flask.globals import request_ctx
from werkzeug.exceptions import MethodNotAllowed

from storage_api.routes import METHODS, OTHER_METHOD, UNMATCHED

from . import tracing

EXCHANGE = "storage_api.exchange"
"""WSGI environ key: the Exchange of the request."""
REFUSED = "storage_api.refused"
"""WSGI environ key: `(status, reason)` of a request that was refused before the app handled it."""
WHEN_SENT = "storage_api.when_sent"
"""WSGI environ key: a function `(call)` that runs `call(True)` once the kernel has everything written so far
of the response, or `call(False)` if the connection is closed before.
"""
CLIENT_CLOSED_REQUEST = 499
"""Status of an exchange whose client disconnected or stopped reading before it had the whole response; nginx
uses the same. It is counted and logged, never sent.
"""
SHUTDOWN_TIMEOUT = "ShutdownTimeout"
"""Error type of a response that was cut off after SHUTDOWN_TIMEOUT_SECONDS."""

BODY_REFUSED = (413, 503, 507)
"""Statuses of requests refused because of their body: too large, the store unavailable, the store full. Their
head is valid, so they count on their route; requests refused for other reasons count as UNMATCHED.
"""

Observer = Callable[["Exchange"], None]
Join = Callable[["Exchange"], tracing.TraceContext | None]
"""Returns the trace that a request belongs to, or None."""

log = logging.getLogger(__name__)


class Exchange:
    """A request and its response; complete once it has ended.

    environ: the request's WSGI environ (PEP 3333)
    method: one of METHODS or OTHER_METHOD
    started: when the whole request, body included, had been read; by `time.perf_counter`
    trace: the trace that the request belongs to, if any
    route: the template of the route, or UNMATCHED
    status: of the response, such as 200; 500 if the service failed to send all of it, CLIENT_CLOSED_REQUEST
        if the client did not read all of it
    broke_off: the type of the error that stopped the service in the middle of the response, else None
    response_bytes: bytes of the response's body that were sent
    duration_seconds: from `started` until the kernel had the whole response, or sending was given up
    """

    # Class-level defaults: setting them on every instance would cost each request time.
    trace: tracing.TraceContext | None = None
    route = UNMATCHED
    status = 0
    broke_off: str | None = None
    response_bytes = 0
    duration_seconds = 0.0

    def __init__(self, environ: dict[str, Any]) -> None:
        self.started = perf_counter()
        self.environ = environ
        method = environ["REQUEST_METHOD"]
        self.method = method if method in METHODS else OTHER_METHOD

    @property
    def request_bytes(self) -> int:
        """Size of the request's body; 0 if it was refused unread, whatever Content-Length says."""
        return 0 if REFUSED in self.environ else int(self.environ.get("CONTENT_LENGTH") or 0)

    @property
    def error_type(self) -> str | None:
        """OpenTelemetry's `error.type` if the service is at fault (5xx), else None."""
        return self.broke_off or (str(self.status) if self.status >= 500 else None)


OnClose = Callable[[int, bool, Exception | None], None]
"""Called with the bytes sent of a file, whether they were all, and the error that reading it ended with."""


class SentFile(Protocol):
    """A response's body that the server sends by itself, from a file, instead of iterating over it."""

    def when_closed(self, call: OnClose) -> None:
        """Call `call` once, when the server has closed the file: after its last byte, or on giving up."""


class Exchanges:
    """WSGI middleware that makes an Exchange of each request to `app` and calls `observers` when it ends.

    Observers are called on any thread. When one raises, that is logged, and neither the client nor the other
    observers notice.
    """

    def __init__(self, app: Flask, observers: tuple[Observer, ...], join: Join = tracing.join) -> None:
        self._wsgi_app = app.wsgi_app
        self._observers = observers
        self._join = join
        self._cut_off = False
        self.active: set[Exchange] = set()
        """Exchanges that have not ended. Copy before iterating: it changes at any time."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        exchange = environ[EXCHANGE] = Exchange(environ)
        trace = self._join(exchange)
        if trace is not None:
            exchange.trace = trace
        self.active.add(exchange)

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            exchange.status = int(line[:3])
            # Flask discards the request when it returns, so the route is read here.
            request = environ.get("werkzeug.request")
            if request is not None and (REFUSED not in environ or environ[REFUSED][0] in BODY_REFUSED):
                exchange.route = route_of(request)
            if trace is not None:
                headers.append((tracing.HEADER, trace.traceresponse))
            return start_response(line, headers, exc_info)

        try:
            body = self._wsgi_app(environ, start)
        except BaseException:
            # The server calls the app again for an error response, which is another exchange.
            self.active.discard(exchange)
            raise
        when_closed = getattr(body, "when_closed", None)
        if when_closed is not None:  # A SentFile must reach the server unwrapped.
            when_closed(partial(self._end_file, exchange))
            return body
        return _Body(self, exchange, body)

    def cut_off(self) -> None:
        """From now on count unfinished exchanges as 500: SHUTDOWN_TIMEOUT_SECONDS have passed."""
        self._cut_off = True

    def end(self, exchange: Exchange, sent: bool = True) -> None:
        """End `exchange` unless it has ended; `sent`: the whole response was sent."""
        try:
            self.active.remove(exchange)
        except KeyError:
            return
        # A 5xx stays one, even if the client did not wait for it.
        if not sent and exchange.status < 500:
            exchange.status = 500 if self._cut_off else CLIENT_CLOSED_REQUEST
            exchange.broke_off = SHUTDOWN_TIMEOUT if self._cut_off else None
        exchange.duration_seconds = perf_counter() - exchange.started
        for observe in self._observers:
            try:
                observe(exchange)
            except Exception:
                log.exception("an observer of requests failed")
        # Break the reference cycle, so that both are freed now and not by the garbage collector.
        del exchange.environ[EXCHANGE]

    def _end_file(self, exchange: Exchange, sent_bytes: int, complete: bool, error: Exception | None) -> None:
        """End `exchange`, whose body was a SentFile."""
        exchange.response_bytes = sent_bytes
        if error:
            exchange.status, exchange.broke_off = 500, type(error).__qualname__
        self.end(exchange, complete)


class _Body:
    """A response's body that ends its exchange when it has been sent."""

    __slots__ = ("_body", "_chunks", "_exchange", "_exchanges", "_read")

    def __init__(self, exchanges: Exchanges, exchange: Exchange, body: Iterable[bytes]) -> None:
        self._exchanges = exchanges
        self._exchange = exchange
        self._body = body
        self._chunks = iter(body)
        self._read = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
        except StopIteration:
            self._read = True
            raise
        except BaseException as error:
            # The client gets an incomplete body: an error, whatever status was sent before it.
            self._exchange.status = 500
            self._exchange.broke_off = type(error).__qualname__
            raise
        self._exchange.response_bytes += len(chunk)
        return chunk

    def close(self) -> None:
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            when_sent = self._exchange.environ.get(WHEN_SENT)
            if self._read and when_sent:
                when_sent(partial(self._exchanges.end, self._exchange))
            else:
                self._exchanges.end(self._exchange, sent=self._read)


def route_of(request: Request) -> str:
    """The template of the route of `request`, even if the route does not serve its method; else UNMATCHED."""
    rule = request.url_rule
    if rule is None and isinstance(request.routing_exception, MethodNotAllowed):
        method = request.routing_exception.valid_methods[0]
        rule, _ = request_ctx.url_adapter.match(method=method, return_rule=True)
    return rule.rule if rule else UNMATCHED
