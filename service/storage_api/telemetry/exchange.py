"""Exchanges: a request and its response, from the first call until the last byte has been handed on.

All that watches requests (metrics, log, spans) is an observer of exchanges, called once at the end of each.
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
"""WSGI environ key: `(status, reason)` of a request that the server's parser refused."""

WHEN_SENT = "storage_api.when_sent"
"""WSGI environ key: what calls a function with True once all that has been written of the response has been
handed to the system, or with False when the connection is closed before.
"""
CLIENT_CLOSED_REQUEST = 499
"""Status of an exchange whose client left, or stopped reading, before it had the whole response. It is
nginx's, and is never sent.
"""
SHUTDOWN_TIMEOUT = "ShutdownTimeout"
"""Why a response broke off that was cut off after SHUTDOWN_TIMEOUT_SECONDS."""

OF_BODIES = (413, 503, 507)
"""Why a body is refused: too large, or the store does not take it. By then the request's head is known, and
so the route; what is refused for another reason has none.
"""

Observer = Callable[["Exchange"], None]
Join = Callable[["Exchange"], tracing.TraceContext | None]
"""What finds the trace that a request belongs to."""

log = logging.getLogger(__name__)


class Exchange:
    """A request and its response; all of it is known once it has ended.

    environ: what the server said of the request (PEP 3333)
    method: one of METHODS or OTHER_METHOD
    started: when the request, its body included, had been read; on the clock of `time.perf_counter`
    trace: the trace that the request belongs to, if any
    route: the template of the route, or UNMATCHED
    status: of the response, such as 200; 500 when the service failed to send all of it, CLIENT_CLOSED_REQUEST
        when the client did not take all of it
    broke_off: the type of the error that kept the service from sending all of it, else None
    response_bytes: of the response's body, as far as it was handed on
    duration_seconds: from the start until the response's body was handed to the system or given up
    """

    # What most requests have costs them nothing.
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
        """Of the request's body; one that was refused unread has none, whatever its head announced."""
        return 0 if REFUSED in self.environ else int(self.environ.get("CONTENT_LENGTH") or 0)

    @property
    def error_type(self) -> str | None:
        """What OpenTelemetry calls `error.type`, for what is an error of ours; else None."""
        return self.broke_off or (str(self.status) if self.status >= 500 else None)


OnClose = Callable[[int, bool, Exception | None], None]
"""Called with the bytes sent of a file, whether they were all, and the error that reading it ended with."""


class SentFile(Protocol):
    """A response's body that the server sends by itself, from a file, instead of iterating over it."""

    def when_closed(self, call: OnClose) -> None:
        """Call `call` once, when the server has closed the file: after its last byte, or on giving up."""


class Exchanges:
    """WSGI middleware around the `app` that makes an Exchange of each request and shows it to `observers`.

    An observer that fails is logged, and changes nothing for the client or the other observers. It may be
    called on any thread.
    """

    def __init__(self, app: Flask, observers: tuple[Observer, ...], join: Join = tracing.join) -> None:
        self._wsgi_app = app.wsgi_app
        self._observers = observers
        self._join = join
        self._cut_off = False
        self.active: set[Exchange] = set()
        """Those that have not ended. Copy before iterating: it changes at any time."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        exchange = environ[EXCHANGE] = Exchange(environ)
        trace = self._join(exchange)
        if trace is not None:
            exchange.trace = trace
        self.active.add(exchange)

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            exchange.status = int(line[:3])
            # Only here, as Flask forgets the request when it returns.
            request = environ.get("werkzeug.request")
            if request is not None and (REFUSED not in environ or environ[REFUSED][0] in OF_BODIES):
                exchange.route = route_of(request)
            if trace is not None:
                headers.append((tracing.HEADER, trace.traceresponse))
            return start_response(line, headers, exc_info)

        try:
            body = self._wsgi_app(environ, start)
        except BaseException:
            # No response: the server makes one, and that is an exchange of its own.
            self.active.discard(exchange)
            raise
        when_closed = getattr(body, "when_closed", None)
        if when_closed is not None:  # A SentFile must reach the server unwrapped.
            when_closed(partial(self._end_file, exchange))
            return body
        return _Body(self, exchange, body)

    def cut_off(self) -> None:
        """Count what ends unsent from now on as a failure of ours: SHUTDOWN_TIMEOUT_SECONDS are over."""
        self._cut_off = True

    def end(self, exchange: Exchange, sent: bool = True) -> None:
        """End `exchange`, unless it has ended; `sent` says whether all of the response has been."""
        try:
            self.active.remove(exchange)
        except KeyError:
            return
        # A failure of the service stays one, whether or not the client waited for it.
        if not sent and exchange.status < 500:
            exchange.status = 500 if self._cut_off else CLIENT_CLOSED_REQUEST
            exchange.broke_off = SHUTDOWN_TIMEOUT if self._cut_off else None
        exchange.duration_seconds = perf_counter() - exchange.started
        for observe in self._observers:
            try:
                observe(exchange)
            except Exception:
                log.exception("an observer of requests failed")
        # Else the two would keep each other until the garbage collector comes.
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
            # The client gets a torn body: whatever its head said, that is no success.
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
    """The template of the route that `request` matches; for a wrong method, of the route it would match."""
    rule = request.url_rule
    if rule is None and isinstance(request.routing_exception, MethodNotAllowed):
        method = request.routing_exception.valid_methods[0]
        rule, _ = request_ctx.url_adapter.match(method=method, return_rule=True)
    return rule.rule if rule else UNMATCHED
