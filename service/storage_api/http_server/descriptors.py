"""File descriptors: how many the service needs, and how many connections those that it may use allow."""

from __future__ import annotations

import resource

CONNECTIONS = 1000
"""How many are open at most, where the process may open enough files."""
IDLE_CONNECTIONS = 20
"""Of those that a server needs, beside one for each thread: probes, scrapes, clients that keep one open."""
PER_CONNECTION = 3
"""The connection, the file of the body that is received or sent, and that of the next request's."""
PER_THREAD = 2
"""What a thread opens at most for itself: connections to an object storage."""
OTHERS = 100
"""What is open beside: listeners, folders, the log, the sender of spans, the connections of METRICS_PORT."""


class LimitError(Exception):
    """Too few files may be open: one line that says how many are needed."""


def allowed_connections(threads: int) -> int:
    """How many connections may be open at most in a server with so many `threads`.

    Raises the process's soft limit of open files as far as its hard limit allows. Raises LimitError when that
    is too low to serve a request on each thread and IDLE_CONNECTIONS more.
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
