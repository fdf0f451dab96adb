"""Logs: each event is one line on stderr, as JSON, as logfmt or for a console; a request is an event.

What a client sends stays inside the value that it is: lines are ASCII, and whatever would end one, move a
terminal's cursor or turn text around is written as an escape.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from .config import Config
from .exchange import Exchange, Observer

MAX_PATH_CHARACTERS = 1024
"""Of a request's path in the log; a client may send 256 KiB of it."""

Event = dict[str, Any]


class Output:
    """A file that writes a line at once, or loses it: a log must not harm what it tells of."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._torn = False

    def write(self, line: bytes) -> None:
        """Write `line`, on its own even after one that was cut off."""
        rest = b"\n" + line if self._torn else line
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
                self._torn = bool(rest)
        except OSError:
            pass  # The reader has gone, or the disk is full.

    def flush(self) -> None:
        """Nothing is kept back."""


# Where there is no stderr, its number is that of the next file that is opened, such as an object's.
_output = Output(2 if sys.stderr else os.open(os.devnull, os.O_WRONLY))


def configure(config: Config) -> None:
    """Log what goes to the standard library's loggers, the server's own included, as `config` says."""
    logging.basicConfig(level=config.log_level.upper(), handlers=[Handler(config)])
    # A client that hangs up and a queue that is used are no news.
    logging.getLogger("waitress").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def observers(config: Config) -> tuple[Observer, ...]:
    """What watches requests for the log."""
    return (RequestLog(config),) if config.log_requests else ()


class RequestLog:
    """Observer of exchanges: an event for each."""

    def __init__(self, config: Config, output: Output | None = None) -> None:
        """Log to `output`, by default to stderr."""
        self._log = _logger(config, output or _output)

    def __call__(self, exchange: Exchange) -> None:
        environ = exchange.environ
        fields = {
            "method": exchange.method,
            "route": exchange.route,
            # As it was sent: percent-encoded, so that it says which bytes an id was made of.
            "path": environ.get("REQUEST_URI", "").partition("?")[0][:MAX_PATH_CHARACTERS],
            "status": exchange.status,
            "duration_seconds": round(exchange.duration_seconds, 6),
            "request_bytes": exchange.request_bytes,
            "response_bytes": exchange.response_bytes,
            "client_address": environ.get("REMOTE_ADDR", ""),
        }
        if exchange.error_type is not None:
            fields["error_type"] = exchange.error_type
        if exchange.trace is not None:
            fields["trace_id"] = exchange.trace.trace_id
        self._log.info("request", **fields)


class Handler(logging.Handler):
    """Logs the standard library's records; `extra={"fields": {...}}` are the fields of one."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._log = _logger(config, _output)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {"logger": record.name, "exc_info": record.exc_info, **getattr(record, "fields", {})}
            self._log.log(record.levelno, record.getMessage(), **fields)
        except Exception:
            self.handleError(record)


def _logger(config: Config, output: Output) -> structlog.typing.FilteringBoundLogger:
    return structlog.wrap_logger(
        structlog.BytesLogger(output),
        processors=[structlog.processors.format_exc_info, _begin, _FORMATS[config.log_format]],
        wrapper_class=structlog.make_filtering_bound_logger(config.log_level),
        context_class=dict,
    ).bind()


def _begin(_logger: object, level: str, event: Event) -> Event:
    """What each event has, before what this one has."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"time": time, "level": level, "message": event.pop("event"), **event}


def _json(_logger: object, _level: str, event: Event) -> bytes:
    try:
        line = orjson.dumps(event, default=str)
    except orjson.JSONEncodeError:  # half of a surrogate pair
        line = None
    if line is None or not line.isascii():
        line = json.dumps(event, default=str).encode()
    return line.replace(b"\x7f", b"\\u007f")  # the one control character that JSON does not escape


def _logfmt(logger: object, level: str, event: Event) -> bytes:
    return _render_logfmt(logger, level, {name: _escape(value) for name, value in event.items()}).encode()


def _console(logger: object, level: str, event: Event) -> bytes:
    # Indented, so that no line of it passes for an event.
    trace = ["    " + _escape(line) for line in event.pop("exception", "").splitlines()]
    event = {name: _escape(value) for name, value in event.items()}
    if "=" in event["message"]:  # It would pass for a field.
        event["message"] = repr(event["message"])
    return "\n".join([_render_console(logger, level, event), *trace]).encode()


def _escape(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        return value.encode("unicode_escape").decode()
    return value


_render_logfmt = structlog.processors.LogfmtRenderer(bool_as_flag=False)
_render_console = structlog.dev.ConsoleRenderer(
    colors=bool(sys.stderr and sys.stderr.isatty()),
    sort_keys=False,
    event_key="message",
    timestamp_key="time",
)
_FORMATS: dict[str, Callable[[object, str, Event], bytes]] = {
    "json": _json,
    "logfmt": _logfmt,
    "console": _console,
}
