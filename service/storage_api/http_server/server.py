"""The app on waitress: listens at once, ends in order."""

from __future__ import annotations

import heapq
import logging
import os
import select
import socket
import sys
from contextlib import ExitStack
from time import monotonic
from typing import Any

import waitress
from flask import Flask
from waitress import wasyncore
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from storage_api import routes
from storage_api.api.app import StorageApi
from storage_api.config import Config
from storage_api.telemetry.metrics import watch_server

from .connection import Channel
from .descriptors import allowed_connections

BACKLOG = 1024
HEADER_BYTES = 65536
"""Of a request line with its fields, which are looked through anew with each piece that arrives of them."""
RECEIVE_BYTES = 65536
"""How much is read from a connection at a time, and how much of a body is kept in memory."""
STALLED_SECONDS = 30
"""How long a client may take nothing of its answer."""

log = logging.getLogger(__name__)


class ListenError(Exception):
    """The address cannot be listened on: one line that says why."""


class Server:
    """Listens from the start, serves in `run()`, ends in order after `stop()`."""

    def __init__(self, app: StorageApi, config: Config) -> None:
        """Listen on the configured host and ports (a port 0 is any free one).

        Raises ListenError, and LimitError when the process may open too few files.
        """
        self._connections = allowed_connections(config.threads)
        listeners = _listen(config)
        self._config = config
        self._app = app
        self._deadline = self._look_again = 0.0
        threads = {route.thread: _single_thread() for route in routes.ROUTES if route.thread}
        self._watching = {route.path: threads[route.thread] for route in routes.ROUTES if route.thread}
        self._server = _serve(app, listeners[0], connection_limit=self._connections, threads=config.threads)
        self._servers = [self._server]
        for listener in listeners[1:]:
            # The same loop, the thread of scrapes.
            shared = {"map": self._server._map, "_dispatcher": self._watching[routes.METRICS.path]}
            # Metrics can be scraped also while the API's port has no room left.
            limit = self._connections + 50
            self._servers.append(_serve(app.metrics_app, listener, connection_limit=limit, **shared))
        for server in self._servers:
            server.add_task = self._add_task
            server.channel_class = Channel
            server.fix_addr = _client_address
            server.draining = app.draining
            server.spool = app.store.spool
            server.max_object_bytes = config.max_object_bytes
            server.refusal = app.refusal
        watch_server(self._server.task_dispatcher, self._server.active_channels, app.registry)
        if app.drills:
            app.drills.pool = self._server.task_dispatcher

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.effective_port)

    @property
    def metrics_port(self) -> int:
        """The port that has the metrics."""
        return int(self._servers[-1].effective_port)

    def stop(self) -> None:
        """Let `run()` come to its end; for signal handlers and other threads."""
        self._app.draining.set()
        self._server.pull_trigger()

    def run(self) -> bool:
        """Serve until `stop()`, then drain; False when requests were cut off at the time limit.

        Draining: not ready but serving for SHUTDOWN_DELAY_SECONDS, so that load balancers notice; then no new
        connections, and at most SHUTDOWN_TIMEOUT_SECONDS for the requests in flight.
        """
        while not self._app.draining.is_set():
            self._turn(1)
        log.info("shutting down")
        if self._app.drills:
            self._app.drills.end()  # What it holds up shall end too.
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
        for server in self._servers[1:]:
            wasyncore.dispatcher.close(server)
        if self._app.exchanges:
            self._app.exchanges.overdue = True
        for server in self._servers:
            for channel in list(server.active_channels.values()):
                channel.handle_close()
        pools = {self._server.task_dispatcher, *self._watching.values()}
        for pool in pools:
            pool.shutdown(timeout=1)
        if not any(pool.threads for pool in pools):  # One at work still needs them.
            for server in self._servers:
                server.trigger.close()
        return not busy

    @property
    def seconds_left(self) -> float:
        """Of SHUTDOWN_TIMEOUT_SECONDS, while and after `run()` drains."""
        return max(0.0, self._deadline - monotonic())

    def _add_task(self, channel: Channel) -> None:
        if channel.must_wait():
            return
        path = getattr(channel.requests[0], "path", "")  # A request that was refused early has none.
        self._watching.get(path, channel.server.task_dispatcher).add_task(channel)

    def _turn(self, timeout: float) -> None:
        self._make_room()
        self._close_stalled()
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._server._map, count=1)

    def _make_room(self) -> None:
        """Close the slowest connections, so that new ones find room.

        Whoever opens many and sends a little now and then would else keep everybody out.
        """
        excess = len(self._server._map) - self._connections * 19 // 20
        if excess > 0:
            waiting = [channel for channel in self._server.active_channels.values() if not channel.requests]
            for channel in heapq.nlargest(excess, waiting, key=lambda channel: channel.slowness):
                channel.handle_close()

    def _close_stalled(self) -> None:
        """Close connections whose client has stopped reading: a thread may wait for it."""
        now = monotonic()
        if now < self._look_again:
            return
        self._look_again = now + 1
        for server in self._servers:
            for channel in list(server.active_channels.values()):
                if channel.total_outbufs_len and channel.last_activity < now - STALLED_SECONDS:
                    channel.handle_close()

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


def _single_thread() -> ThreadedTaskDispatcher:
    """A pool of one thread, started."""
    pool = ThreadedTaskDispatcher()
    pool.set_thread_count(1)
    return pool


def _listen(config: Config) -> list[socket.socket]:
    """Sockets that listen on the API's port, and then on the one for metrics if any; raises ListenError."""
    settings = ["PORT"] if config.metrics_port is None else ["PORT", "METRICS_PORT"]
    with ExitStack() as opened:
        listeners = [opened.enter_context(_listener(config, setting)) for setting in settings]
        opened.pop_all()
    return listeners


def _listener(config: Config, setting: str) -> socket.socket:
    host, port = config.host, getattr(config, setting.lower())
    dual_stack = host == "::" and socket.has_dualstack_ipv6()
    if host == "::" and not dual_stack:
        host = "0.0.0.0"  # noqa: S104 - every address that this kernel has
    try:
        # A name may have addresses of both kinds: IPv4, the lesser constant, is preferred.
        family = min(found[0] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual_stack)
    except OSError as error:
        # Not its own text, which says the address again; a name that is not found has no errno.
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno)
        raise ListenError(f"cannot listen on HOST={config.host} {setting}={port}: {reason}") from None


def _client_address(address: tuple[str, ...]) -> tuple[str, ...]:
    """A client's address as in its own family: a dual-stack socket says ::ffff:10.0.0.7 for 10.0.0.7."""
    return (address[0].removeprefix("::ffff:"), *address[1:])


def _serve(app: Flask, listener: socket.socket, **options: Any) -> TcpWSGIServer:
    """A server of `app`, that serves once its loop runs."""
    return waitress.create_server(
        app,
        sockets=[listener],
        backlog=BACKLOG,
        asyncore_use_poll=True,
        ident="storage-api",
        recv_bytes=RECEIVE_BYTES,
        inbuf_overflow=RECEIVE_BYTES,
        max_request_header_size=HEADER_BYTES,
        # Not the server's business: it would count the framing of chunks too, see `body`.
        max_request_body_size=sys.maxsize,
        **options,
    )
