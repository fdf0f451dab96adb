"""Logs: one line on stderr per event, as JSON, logfmt or console text. Each request is an event.

Clients cannot forge log lines: lines are ASCII, and line ends, control characters and characters that reverse
the direction of text are escaped.
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
"""Requests are in the log at most this long after their end."""
PATIENCE_SECONDS = 1
"""How long a write waits for the reader of the log before lines are dropped."""
MAX_PATH_CHARACTERS = 1024
"""Limit on the path of a logged request; clients may send 64 KiB."""

Event = dict[str, Any]

log = logging.getLogger(__name__)


class Output:
    """Writes lines to a file descriptor, or drops them when nobody reads: logging must not block requests.

    A write waits at most PATIENCE_SECONDS for a slow reader. The next ones do not wait until it reads again.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)
        self._patience = PATIENCE_SECONDS
        self._torn = False

    def write(self, lines: bytes) -> None:
        """Write `lines`; after a line that was cut off, begin a new one first."""
        rest = b"\n" + lines if self._torn else lines
        try:
            while rest and self._ready.poll(self._patience * 1000):
                # A pipe that is ready takes PIPE_BUF bytes without blocking (pipe(7)).
                rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
                self._torn = bool(rest)
            self._patience = 0 if rest else PATIENCE_SECONDS
        except OSError:
            pass  # The reader is gone, or the disk is full.

    def flush(self) -> None:
        """Do nothing: `write` does not buffer. structlog calls this."""


# If stderr is closed, descriptor 2 belongs to the next file that is opened, such as an object's.
_output = Output(2 if sys.stderr else os.open(os.devnull, os.O_WRONLY))


def configure(config: Config) -> None:
    """Set up the standard library's root logger as `config` says; waitress logs through it too."""
    logging.basicConfig(level=config.log_level.upper(), handlers=[Handler(config)])
    # Clients that disconnect and requests that wait for a thread are normal.
    logging.getLogger("waitress").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def observers(config: Config) -> tuple[Observer, ...]:
    """The observers that log requests: one, or none if `config` switches them off."""
    wanted = config.log_requests and config.log_level in ("debug", "info")
    return (RequestLog(config),) if wanted else ()


class RequestLog:
    """Observer of exchanges: logs an event for each, within WRITE_SECONDS.

    A thread writes them in batches: a system call for each would cost more than everything else about them.
    """

    def __init__(self, config: Config, output: Output | None = None) -> None:
        """Write to `output`, by default to stderr."""
        self._output = structlog.BytesLogger(output or _output)
        self._format = _FORMATS[config.log_format]
        self._ended: deque[Event] = deque()
        self._some = threading.Event()
        self.closed = False
        """Set by `close`: the thread writes what is left and ends."""
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
            # As sent, percent-encoded: it shows the exact bytes of an id.
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
        """Write the events that are left, within at most so many `seconds`."""
        self.closed = True
        self._some.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self.closed:
            self._some.wait()
            if not self.closed:
                time.sleep(WRITE_SECONDS)  # for more events to write at once
            self._some.clear()
            self._write()
        # Requests that ended during the last write.
        self._write()

    def _write(self) -> None:
        try:
            lines = [self._line(self._ended.popleft()) for _ in range(len(self._ended))]
            if lines:
                self._output.msg(b"\n".join(lines))
        except Exception:  # It would end the thread.
            log.exception("some requests could not be logged")

    def _line(self, event: Event) -> bytes:
        # Done on this thread, so that no request waits for it.
        event["time"] = _time(event["time"])
        event["path"] = event["path"].partition("?")[0][:MAX_PATH_CHARACTERS]
        event["duration_seconds"] = round(event["duration_seconds"], 6)
        return self._format(None, "info", event)


class Handler(logging.Handler):
    """Logs the standard library's records. `extra={"fields": {...}}` adds fields to one."""

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
    """Put the fields that every event has before those of this one."""
    return {"time": _time(time.time()), "level": level, "message": event.pop("event"), **event}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _json(_logger: object, _level: str, event: Event) -> bytes:
    try:
        line = orjson.dumps(event, default=str)
    except orjson.JSONEncodeError:  # a lone surrogate
        line = None
    if line is None or not line.isascii():
        line = json.dumps(event, default=str).encode()
    return line.replace(b"\x7f", b"\\u007f")  # the one control character that JSON does not escape


def _logfmt(logger: object, level: str, event: Event) -> bytes:
    return _render_logfmt(logger, level, {name: _escape(value) for name, value in event.items()}).encode()


def _console(logger: object, level: str, event: Event) -> bytes:
    # Indented, so that no line of the traceback looks like an event.
    trace = ["    " + _escape(line) for line in event.pop("exception", "").splitlines()]
    event = {name: _escape(value) for name, value in event.items()}
    if "=" in event["message"]:  # It could look like a field.
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
