"""File descriptors: how many the service needs, and how many connections the process's limit allows."""

from __future__ import annotations

import resource

CONNECTIONS = 1000
"""Most connections that are open at once, if the limit on open files allows as many."""
IDLE_CONNECTIONS = 20
"""Connections needed beside one per thread: probes, scrapes, clients with keep-alive."""
PER_CONNECTION = 3
"""Descriptors per connection: its socket, the file of the body received or sent, the next request's file."""
PER_THREAD = 2
"""Descriptors per thread: connections to object storage."""
OTHERS = 100
"""All other descriptors: listeners, folders, the log, the span exporter, connections to METRICS_PORT."""


class LimitError(Exception):
    """The limit on open files is too low; the message, one line, says how many are needed."""


def allowed_connections(threads: int) -> int:
    """Most connections that a server with so many `threads` may have open at once.

    Raises the process's soft limit on open files, if needed, as far as its hard limit allows. Raises
    LimitError when that is too low for one connection per thread and IDLE_CONNECTIONS more.
    """
    shared = OTHERS + PER_THREAD * threads
    needed = shared + PER_CONNECTION * (threads + IDLE_CONNECTIONS)
    wanted = shared + PER_CONNECTION * max(CONNECTIONS, threads + IDLE_CONNECTIONS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft < needed:
        raise LimitError(
            f"at most {soft} files may be open, and THREADS={threads} needs {needed}: raise the limit"
            f" (ulimit -n {needed}, in systemd LimitNOFILE={needed}, of a container --ulimit nofile={needed})"
            " or lower THREADS"
        )
    return min(CONNECTIONS, (soft - shared) // PER_CONNECTION)
