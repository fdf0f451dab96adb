"""The app on waitress: listens at once, ends in order."""

from __future__ import annotations

import logging
import os
import select
import socket
import sys
from time import monotonic

import waitress
from waitress import wasyncore

from .app import StorageApi
from .config import Config
from .connection import Channel
from .metrics import watch_server

THREADS = 8
BACKLOG = 1024
RECEIVE_BYTES = 65536
"""How much is read from a connection at a time."""

log = logging.getLogger(__name__)


class ListenError(Exception):
    """The address cannot be listened on: one line that says why."""


class Server:
    """Listens from the start, serves in `run()`, ends in order after `stop()`."""

    def __init__(self, app: StorageApi, config: Config) -> None:
        """Listen on the configured host and port (0: any free one); raises ListenError."""
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        try:
            listener = socket.create_server((config.host, config.port), family=family, backlog=BACKLOG)
        except OSError as error:
            # Not its own text, which says the address again; a name that is not found has no errno.
            reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno)
            raise ListenError(f"cannot listen on HOST={config.host} PORT={config.port}: {reason}") from None
        self._config = config
        self._draining = app.draining
        self._server = waitress.create_server(
            app,
            sockets=[listener],
            threads=THREADS,
            backlog=BACKLOG,
            connection_limit=1000,
            asyncore_use_poll=True,
            ident="storage-api",
            recv_bytes=RECEIVE_BYTES,
            # Not the server's business: it would count the framing of chunks too, see `body`.
            max_request_body_size=sys.maxsize,
        )
        self._server.channel_class = Channel
        self._server.draining = app.draining
        self._server.spool = app.store.spool
        self._server.max_object_bytes = config.max_object_bytes
        watch_server(self._server.task_dispatcher, self._server.active_channels, app.registry)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.effective_port)

    def stop(self) -> None:
        """Let `run()` come to its end; for signal handlers and other threads."""
        self._draining.set()
        self._server.pull_trigger()

    def run(self) -> bool:
        """Serve until `stop()`, then drain; False when requests were cut off at the time limit.

        Draining: not ready but serving for SHUTDOWN_DELAY_SECONDS, so that load balancers notice; then no new
        connections, and at most SHUTDOWN_TIMEOUT_SECONDS for the requests in flight.
        """
        while not self._draining.is_set():
            self._turn(1)
        log.info("shutting down")
        closing = monotonic() + self._config.shutdown_delay_seconds
        while monotonic() < closing:
            self._turn(0.1)
        self._close_listener()
        deadline = monotonic() + self._config.shutdown_timeout_seconds
        self._turn(0)
        while (busy := self._close_idle()) and monotonic() < deadline:
            self._turn(0.1)
        if busy:
            log.warning("%d request(s) cut off after SHUTDOWN_TIMEOUT_SECONDS", busy)
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        workers = self._server.task_dispatcher
        workers.shutdown(timeout=1)
        if not workers.threads:  # One at work still needs it.
            self._server.trigger.close()
        return not busy

    def _turn(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._server._map, count=1)

    def _close_listener(self) -> None:
        # Connections that the kernel has taken are ours to serve.
        for _ in range(BACKLOG):
            if not select.select([self._server.socket], [], [], 0)[0]:
                break
            self._server.handle_accept()
        # Not the server's own close(): the threads at work still need its trigger.
        wasyncore.dispatcher.close(self._server)

    def _close_idle(self) -> int:
        """Close connections without a request; how many are left."""
        channels = self._server.active_channels
        for channel in list(channels.values()):
            if channel.idle:
                channel.handle_close()
        return len(channels)
