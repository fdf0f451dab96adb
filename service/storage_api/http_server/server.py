"""The server: runs the event loop, makes room for new connections, and shuts down gracefully."""

from __future__ import annotations

import heapq
import logging
import select
from functools import partial
from time import monotonic
from typing import Any

from waitress import wasyncore

from storage_api import routes
from storage_api.api.app import StorageApi
from storage_api.config import Config
from storage_api.telemetry.metrics import watch_server

from .descriptors import allowed_connections
from .listener import BACKLOG, Listener, Policy, open_sockets
from .threads import ThreadPool

STALLED_SECONDS = 30
"""Clients that read nothing of their response for this long are disconnected."""

log = logging.getLogger(__name__)


class Server:
    """Listens once built, serves in `run()`, and shuts down gracefully after `stop()`."""

    def __init__(self, app: StorageApi, config: Config, pool: ThreadPool | None = None) -> None:
        """Listen on the configured host and ports (a port 0 is any free one).

        pool: the threads that answer the API's requests; by default config.threads new ones
        Raises ListenError, and LimitError when the process may open too few files.
        """
        self._connections = allowed_connections(config.threads)
        sockets = open_sockets(config)
        self._config = config
        self._app = app
        self._deadline = self._look_again = 0.0
        self._open_files: dict[int, Any] = {}
        threads = {route.thread: ThreadPool(1) for route in routes.ROUTES if route.thread}
        policy = Policy(
            draining=app.draining,
            refusal=app.refusal,
            spool=app.store.spool,
            max_object_bytes=config.max_object_bytes,
            pools={route.path: threads[route.thread] for route in routes.ROUTES if route.thread},
        )
        listen = partial(Listener, policy=policy, open_files=self._open_files)
        pool = pool or ThreadPool(config.threads)
        self._listener = listen(app, sockets[0], pool=pool, connection_limit=self._connections)
        self._listeners = [self._listener]
        for sock in sockets[1:]:
            scrapes = policy.pools[routes.METRICS.path]
            # Metrics can be scraped while the API's port has no room for more connections.
            limit = self._connections + 50
            self._listeners.append(listen(app.metrics_app, sock, pool=scrapes, connection_limit=limit))
        self._pools = {pool, *policy.pools.values()}
        watch_server(pool, self._listener.active_channels, app.registry)

    @property
    def port(self) -> int:
        """The port of the API, as bound."""
        return int(self._listener.effective_port)

    @property
    def metrics_port(self) -> int:
        """The port of the metrics; that of the API unless METRICS_PORT is set."""
        return int(self._listeners[-1].effective_port)

    def stop(self) -> None:
        """Begin to shut down, so that `run()` returns; for signal handlers and other threads."""
        self._app.draining.set()
        self._listener.pull_trigger()

    def run(self) -> bool:
        """Serve until `stop()`, then drain; returns False if requests were cut off at the timeout.

        Draining: for SHUTDOWN_DELAY_SECONDS the server is not ready but still serves, so that load balancers
        notice; then it accepts no connections, and requests in flight get SHUTDOWN_TIMEOUT_SECONDS to end.
        """
        while not self._app.draining.is_set():
            self._turn(1)
        log.info("shutting down")
        if self._app.drills:
            self._app.drills.end()  # So that the requests it delays finish too.
        closing = monotonic() + self._config.shutdown_delay_seconds
        while monotonic() < closing:
            self._turn(0.1)
        self._close_listener()
        self._deadline = monotonic() + self._config.shutdown_timeout_seconds
        self._turn(0)
        while (busy := self._close_idle()) and self.seconds_left:
            self._turn(0.1)
        if busy:
            log.warning("%d request(s) cut off after SHUTDOWN_TIMEOUT_SECONDS", busy)
        for listener in self._listeners[1:]:
            wasyncore.dispatcher.close(listener)
        if self._app.exchanges:
            self._app.exchanges.cut_off()
        for listener in self._listeners:
            for channel in list(listener.active_channels.values()):
                channel.handle_close()
        for pool in self._pools:
            pool.shutdown(timeout=1)
        if not any(pool.threads for pool in self._pools):  # A thread still at work needs the triggers.
            for listener in self._listeners:
                listener.trigger.close()
        return not busy

    @property
    def seconds_left(self) -> float:
        """The rest of SHUTDOWN_TIMEOUT_SECONDS, while `run()` drains and afterwards."""
        return max(0.0, self._deadline - monotonic())

    def _turn(self, timeout: float) -> None:
        self._make_room()
        self._close_stalled()
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._open_files, count=1)

    def _make_room(self) -> None:
        """Close the slowest connections when 95 % of those allowed are open.

        Otherwise one client that opens many and sends a byte now and then would keep everybody else out.
        """
        excess = len(self._open_files) - self._connections * 19 // 20
        if excess > 0:
            waiting = [channel for channel in self._listener.active_channels.values() if not channel.requests]
            for channel in heapq.nlargest(excess, waiting, key=lambda channel: channel.slowness):
                channel.handle_close()

    def _close_stalled(self) -> None:
        """Close connections whose client has stopped reading; a thread may be waiting for it."""
        now = monotonic()
        if now < self._look_again:
            return
        self._look_again = now + 1
        for listener in self._listeners:
            for channel in list(listener.active_channels.values()):
                if channel.total_outbufs_len and channel.last_activity < now - STALLED_SECONDS:
                    channel.handle_close()

    def _close_listener(self) -> None:
        # Clients whose connections the kernel has accepted expect an answer.
        for _ in range(BACKLOG):
            if not select.select([self._listener.socket], [], [], 0)[0]:
                break
            self._listener.handle_accept()
        # Not listener.close(), which also closes the trigger that threads at work still need.
        wasyncore.dispatcher.close(self._listener)

    def _close_idle(self) -> int:
        """Close connections without a request; returns the number of those left."""
        channels = self._listener.active_channels
        for channel in list(channels.values()):
            if channel.idle:
                channel.handle_close()
        return len(channels)
