"""Logs: each event is one line on stderr, as JSON, as logfmt or for a console; a request is an event.

What a client sends stays inside the value that it is: lines are ASCII, and whatever would end one, move a
terminal's cursor or turn text around is written as an escape.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from storage_api.config import Config

from .exchange import Exchange, Observer

WRITE_SECONDS = 0.05
"""After this long requests that have ended are in the log."""
PATIENCE_SECONDS = 1
"""How long a reader may take before lines are lost."""
MAX_PATH_CHARACTERS = 1024
"""Of a request's path in the log; a client may send 64 KiB of it."""

Event = dict[str, Any]

log = logging.getLogger(__name__)


class Output:
    """A file whose lines are written at once or lost: a log must not harm what it tells of.

    A reader that does not read is waited for at most PATIENCE_SECONDS, and not again until it does.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)
        self._patience = PATIENCE_SECONDS
        self._torn = False

    def write(self, lines: bytes) -> None:
        """Write `lines`, beginning a new one also after one that was cut off."""
        rest = b"\n" + lines if self._torn else lines
        try:
            while rest and self._ready.poll(self._patience * 1000):
                # What is ready takes so much without waiting (pipe(7)).
                rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
                self._torn = bool(rest)
            self._patience = 0 if rest else PATIENCE_SECONDS
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
    wanted = config.log_requests and config.log_level in ("debug", "info")
    return (RequestLog(config),) if wanted else ()


class RequestLog:
    """Observer of exchanges: an event for each, written within WRITE_SECONDS.

    They are written together, by a thread: a call of the system for each would cost more than all the rest.
    """

    def __init__(self, config: Config, output: Output | None = None) -> None:
        """Write to `output`, by default to stderr."""
        self._output = structlog.BytesLogger(output or _output)
        self._format = _FORMATS[config.log_format]
        self._ended: deque[Event] = deque()
        self._some = threading.Event()
        self.closed = False
        """Whether it has been told to end."""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def __call__(self, exchange: Exchange) -> None:
        environ = exchange.environ
        event = {
            "time": time.time(),
            "level": "info",
            "message": "request",
            "method": exchange.method,
            "route": exchange.route,
            # As it was sent: percent-encoded, so that it says which bytes an id was made of.
            "path": environ.get("REQUEST_URI", ""),
            "status": exchange.status,
            "duration_seconds": exchange.duration_seconds,
            "request_bytes": exchange.request_bytes,
            "response_bytes": exchange.response_bytes,
            "client_address": environ.get("REMOTE_ADDR", ""),
        }
        if exchange.error_type is not None:
            event["error_type"] = exchange.error_type
        if exchange.trace is not None:
            event["trace_id"] = exchange.trace.trace_id
        self._ended.append(event)
        if not self._some.is_set():
            self._some.set()

    def close(self, seconds: float = 1) -> None:
        """Write what has not been written, if that can be done within so many `seconds`."""
        self.closed = True
        self._some.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self.closed:
            self._some.wait()
            if not self.closed:
                time.sleep(WRITE_SECONDS)
            self._some.clear()
            self._write()
        # What ended while the last were written.
        self._write()

    def _write(self) -> None:
        try:
            lines = [self._line(self._ended.popleft()) for _ in range(len(self._ended))]
            if lines:
                self._output.msg(b"\n".join(lines))
        except Exception:  # Else the thread would end.
            log.exception("requests are missing here")

    def _line(self, event: Event) -> bytes:
        # Only here: whatever a request need not wait for.
        event["time"] = _time(event["time"])
        event["path"] = event["path"].partition("?")[0][:MAX_PATH_CHARACTERS]
        event["duration_seconds"] = round(event["duration_seconds"], 6)
        return self._format(None, "info", event)


class Handler(logging.Handler):
    """Logs the standard library's records; `extra={"fields": {...}}` are the fields of one."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._log = structlog.wrap_logger(
            structlog.BytesLogger(_output),
            processors=[structlog.processors.format_exc_info, _begin, _FORMATS[config.log_format]],
            wrapper_class=structlog.make_filtering_bound_logger(config.log_level),
            context_class=dict,
        ).bind()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {"logger": record.name, "exc_info": record.exc_info, **getattr(record, "fields", {})}
            self._log.log(record.levelno, record.getMessage(), **fields)
        except Exception:
            self.handleError(record)


def _begin(_logger: object, level: str, event: Event) -> Event:
    """What each event has, before what this one has."""
    return {"time": _time(time.time()), "level": level, "message": event.pop("event"), **event}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


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
