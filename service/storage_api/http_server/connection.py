"""Connections and the tasks that answer their requests.

The app also answers requests that the parser refuses, so that they have JSON errors, metrics and log lines.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from time import monotonic, time
from types import SimpleNamespace
from typing import Any

from waitress import channel, server, task
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from storage_api.api.errors import of_store
from storage_api.stores import StoreError
from storage_api.telemetry.exchange import REFUSED, WHEN_SENT

from .body import Reception
from .response_file import wrap_file

LINGER_SECONDS = 10
"""How long the rest of a refused request is read and dropped before the connection is closed."""
HEAD_START_BYTES = 16384
"""Bytes credited to every connection, so that one that has just begun does not count as slow."""
UNREAD_BYTES = 65536
"""Most bytes of responses that may wait for the client while its next request is served."""

# waitress measures durations by the wall clock: when that is set, it would close connections early or never.
for _module in (channel, server, task):
    _module.time = SimpleNamespace(time=monotonic)


class _Task(WSGITask):
    def start(self) -> None:
        self.start_time = time()  # waitress turns this into the header Date.

    def get_environment(self) -> dict[str, Any]:
        environ = super().get_environment()
        environ[WHEN_SENT] = self.channel.when_sent
        environ["wsgi.file_wrapper"] = wrap_file
        return environ


class Task(_Task):
    """A request that the app answers."""

    def start(self) -> None:
        super().start()
        if self.channel.server.policy.draining.is_set():
            # The client connects anew, to another replica. waitress reads this field for HTTP/1.0 too.
            self.request.headers["CONNECTION"] = "close"

    def service(self) -> None:
        try:
            super().service()
        except StoreError as error:
            if not self.wrote_header:
                raise
            # The rest of the body cannot be read; closing the connection shows the client that it is cut off.
            of_store(error)
            self.close_on_finish = True

    def build_response_header(self) -> bytes:
        asked_to_close = self.request.headers.get("CONNECTION", "").lower() == "close"
        keep = self.version == "1.1" and not (self.has_body or self.close_on_finish or asked_to_close)
        header = super().build_response_header()
        if keep:  # waitress would close after any response without Content-Length, such as 304.
            self.close_on_finish = False
            header = header.replace(b"\r\nConnection: close\r\n", b"\r\n")
        return header


class ErrorTask(_Task):
    """A request that the parser refused (such as 400, 413 or 431), or that made the app raise (500).

    The app answers it, given the status and the reason in the WSGI environ.
    """

    def execute(self) -> None:
        self.channel.refused = True
        # Even if the client asked for keep-alive: where the next request begins is unknown.
        self.request.headers["CONNECTION"] = "close"
        self.set_close_on_finish()
        super().execute()

    def get_environment(self) -> dict[str, Any]:
        environ = super().get_environment()
        environ[REFUSED] = (self.request.error.code, self.request.error.body)
        return environ


class Channel(HTTPChannel):
    """A connection.

    After a refusal the rest of the request is read and dropped for up to LINGER_SECONDS: closing at once
    would reset the connection, and the client might never see the answer.

    While a client does not read its responses, its next request waits, without occupying a thread.
    """

    task_class = Task
    error_task_class = ErrorTask
    refused = False
    linger_until: float | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.began, self.moved = monotonic(), 0
        self._answering = False
        self._waits = False
        self._sent = 0
        self._unsent: deque[tuple[int, Callable[[bool], None]]] = deque()
        self._closed = self._cut_off = False
        super().__init__(*arguments, **options)

    def parser_class(self, adj: Adjustments) -> Reception:
        policy = self.server.policy
        return Reception(adj, policy.refusal, policy.spool, policy.max_object_bytes)

    def send_continue(self) -> None:
        if self.request.error is None:  # A refused request gets its error response instead.
            super().send_continue()

    def handle_close(self) -> None:
        if self.refused and self.will_close and self.connected and self.linger_until is None:
            self.linger_until = monotonic() + LINGER_SECONDS
            self.will_close = self.close_when_flushed = False
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                super().handle_close()
        else:
            if self.request:
                self.request.close()
            with self.outbuf_lock:
                self._closed = True
                self._cut_off = self._cut_off or self.total_outbufs_len > 0
                super().handle_close()
            while self._unsent:
                self._unsent.popleft()[1](False)

    def when_sent(self, tell: Callable[[bool], None]) -> None:
        """Call `tell(True)` once the kernel has everything written so far, `tell(False)` if it never does."""
        with self.outbuf_lock:
            if self.total_outbufs_len and not self._closed:
                self._unsent.append((self._sent + self.total_outbufs_len, tell))
                return
        tell(not self._cut_off)

    def must_wait(self) -> bool:
        """Tell if the next request waits until the client has read more; `writable` then queues it again."""
        self._waits = self.total_outbufs_len > UNREAD_BYTES
        return self._waits

    def writable(self) -> bool:
        if self._waits and self.total_outbufs_len <= UNREAD_BYTES:
            self._waits = False
            self.server.add_task(self)
        return super().writable()

    def write_soon(self, data: Any) -> int:
        self._answering = True
        try:
            return super().write_soon(data)
        finally:
            self._answering = False

    def _flush_some(self, do_close: bool = True) -> bool:
        try:
            return super()._flush_some(do_close)
        except StoreError as error:  # As in Task.service, for a file that waitress reads while it sends.
            if not self.will_close:
                of_store(error)
            self.will_close = True
            return False

    def _flush_outbufs_below_high_watermark(self) -> None:
        if self._answering:  # Between two requests, waiting would hold a thread until the client reads.
            super()._flush_outbufs_below_high_watermark()

    def received(self, data: bytes) -> bool:
        if self.linger_until is None:
            if self.request is None:
                self.began, self.moved = monotonic(), 0
            self.moved += len(data)
            return super().received(data)
        self.will_close = monotonic() > self.linger_until
        return False

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = super().send(data, do_close)
        self.moved += sent
        self._sent += sent
        while self._unsent and self._unsent[0][0] <= self._sent:
            self._unsent.popleft()[1](True)
        return sent

    @property
    def slowness(self) -> float:
        """Seconds per byte received or sent since the last request began, or since the connection did."""
        return (monotonic() - self.began) / (HEAD_START_BYTES + self.moved)

    @property
    def idle(self) -> bool:
        """True while no request is being read or served and no response is being sent."""
        return not self.requests and self.request is None and not self.total_outbufs_len
