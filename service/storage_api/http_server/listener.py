"""Listening: the sockets of PORT and METRICS_PORT, and the waitress servers that accept their connections."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, BinaryIO

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from storage_api.api.auth import Refusal
from storage_api.config import Config

from .connection import Channel
from .threads import ThreadPool

BACKLOG = 1024
HEADER_BYTES = 65536
"""Limit on the request line and header fields; waitress searches all of it anew with each piece received."""
RECEIVE_BYTES = 65536
"""How much is read from a connection at a time, and how much of a body is kept in memory."""


class ListenError(Exception):
    """Listening on the configured address failed; the message, one line, says why."""


@dataclass(frozen=True)
class Policy:
    """How requests are received, on whichever port.

    draining: once set, each response closes its connection
    refusal: `(path, authorization)` to the reason for answering 401 before the body is read, or None
    spool: makes a file for the body of a PUT
    max_object_bytes: the largest body
    pools: {path: the threads that answer it}; the listener's own threads answer every other path
    """

    draining: threading.Event
    refusal: Refusal
    spool: Callable[[], BinaryIO]
    max_object_bytes: int
    pools: Mapping[str, ThreadPool]


class Listener(TcpWSGIServer):
    """Accepts the connections of one socket, and gives their requests to threads that run `app`."""

    channel_class = Channel

    def __init__(
        self,
        app: Flask,
        sock: socket.socket,
        *,
        policy: Policy,
        pool: ThreadPool,
        open_files: dict[int, Any],
        connection_limit: int,
    ) -> None:
        """Accept once the event loop runs over `open_files`, which several listeners can share.

        connection_limit: pauses accepting when `open_files` has so many entries
        """
        self.policy = policy
        super().__init__(
            app,
            open_files,
            _sock=sock,
            dispatcher=pool,
            adj=Adjustments(
                sockets=[sock],
                backlog=BACKLOG,
                asyncore_use_poll=True,
                ident="storage-api",
                recv_bytes=RECEIVE_BYTES,
                inbuf_overflow=RECEIVE_BYTES,
                max_request_header_size=HEADER_BYTES,
                # Reception limits bodies itself; waitress would count the framing of chunks too.
                max_request_body_size=sys.maxsize,
                connection_limit=connection_limit,
            ),
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            bind_socket=False,
        )

    def add_task(self, channel: Channel) -> None:
        if channel.must_wait():
            return
        self.policy.pools.get(channel.requests[0].path, self.task_dispatcher).add_task(channel)

    def fix_addr(self, address: tuple[Any, ...]) -> tuple[Any, ...]:
        """The client's address as IPv4 if it is: a dual-stack socket reports 10.0.0.7 as ::ffff:10.0.0.7."""
        return (address[0].removeprefix("::ffff:"), *address[1:])


def open_sockets(config: Config) -> list[socket.socket]:
    """Listen on PORT, and on METRICS_PORT if it is set; raises ListenError."""
    settings = ["PORT"] if config.metrics_port is None else ["PORT", "METRICS_PORT"]
    with ExitStack() as opened:
        sockets = [opened.enter_context(_open_socket(config, setting)) for setting in settings]
        opened.pop_all()
    return sockets


def _open_socket(config: Config, setting: str) -> socket.socket:
    host, port = config.host, getattr(config, setting.lower())
    dual_stack = host == "::" and socket.has_dualstack_ipv6()
    if host == "::" and not dual_stack:
        host = "0.0.0.0"  # noqa: S104 - every address that this kernel has
    try:
        # A name may have addresses of both families. IPv4, the smaller constant, is preferred.
        family = min(found[0] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual_stack)
    except OSError as error:
        # The error's own text repeats the address, and an unknown host name has no errno.
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno)
        raise ListenError(f"cannot listen on HOST={config.host} {setting}={port}: {reason}") from None
