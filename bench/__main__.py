"""Measure the cost of instrumentation: CPU time per request in the server's process, and throughput.

All servers run for the whole measurement and take turns, in a new random order each round, so that other load
on the machine affects all of them alike. Each ratio compares two servers within one round; the table shows
the median over all rounds, with the quartiles. Exits with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import math
import random
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from bench.servers import BODY, PATH, SERVERS
from lab import ROOT

CONNECTIONS = 4
REQUEST = f"GET {PATH} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n".encode()


class Target(NamedTuple):
    """Bound on a server's ratio to the server `to`: CPU time at most `bound`, throughput at least `bound`.

    For example, ("metrics", "cpu", "bare", 1.05): metrics may cost at most 5 % more CPU time than none.
    """

    server: str
    figure: str
    to: str
    bound: float


TARGETS = (
    Target("metrics", "cpu", "bare", 1.05),
    Target("logs", "cpu", "bare", 1.12),
    Target("metrics", "throughput", "plain", 0.5),
)


class Burst(NamedTuple):
    """CPU time (user and system) per request in seconds, and throughput in requests per second."""

    cpu: float
    throughput: float


class Running:
    """A running server and the open connections to it."""

    def __init__(self, name: str, stack: ExitStack) -> None:
        log = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "bench.servers", name],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env={"PYTHONPATH": f"{ROOT}:{ROOT / 'service'}"},
            )
        )
        stack.callback(process.kill)
        port = process.stdout.readline()
        if not port:
            log.seek(0)
            sys.exit(f"the server {name!r} did not start:\n{log.read().decode()}")
        # Clock id of that process's CPU time, as clock_getcpuclockid(3) computes it.
        self._clock = ~process.pid << 3 | 2
        self._connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", int(port)), timeout=20))
            for _ in range(CONNECTIONS)
        ]
        self._size = self._response_size()

    def _response_size(self) -> int:
        """Size of a response in bytes. All responses have the same size, so bursts need not parse them."""
        connection = self._connections[0]
        connection.sendall(REQUEST)
        answer = b""
        while not answer.endswith(BODY):
            received = connection.recv(65536)
            answer += received
            if not received or not answer.startswith(b"HTTP/1.1 200 "):
                sys.exit(f"a server sent an unexpected response: {answer!r}")
        return len(answer)

    def burst(self, requests: int) -> Burst:
        """Send `requests` requests over all connections; each sends its next one after the last response."""
        with selectors.DefaultSelector() as ready:
            for connection in self._connections:
                ready.register(connection, selectors.EVENT_READ)
            cpu, started = time.clock_gettime(self._clock), time.perf_counter()
            for connection in self._connections:
                connection.sendall(REQUEST)
            missing = dict.fromkeys(self._connections, self._size)
            sent, answered = len(self._connections), 0
            while answered < sent:
                for key, _ in ready.select():
                    connection = key.fileobj
                    missing[connection] -= len(connection.recv(65536))
                    if missing[connection]:
                        continue
                    answered += 1
                    if sent < requests:
                        connection.sendall(REQUEST)
                        missing[connection] = self._size
                        sent += 1
            seconds, cpu = time.perf_counter() - started, time.clock_gettime(self._clock) - cpu
        return Burst(cpu / answered, answered / seconds)


def measure(rounds: int, requests: int) -> Iterator[dict[str, Burst]]:
    """Yield one burst per server for each of `rounds` rounds, after a warm-up."""
    order = list(SERVERS)
    with ExitStack() as stack:
        running = {name: Running(name, stack) for name in order}
        for server in running.values():
            server.burst(10 * requests)  # warm-up
        for _ in range(rounds):
            random.shuffle(order)
            yield {name: running[name].burst(requests) for name in order}


class Ratios:
    """The ratio of `figure` between the servers `server` and `to`, in each round."""

    def __init__(self, bursts: list[dict[str, Burst]], figure: str, server: str, to: str) -> None:
        self._sorted = sorted(getattr(burst[server], figure) / getattr(burst[to], figure) for burst in bursts)

    @property
    def median(self) -> float:
        """Median over the rounds."""
        return statistics.median(self._sorted)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the median, from the binomial distribution of its rank."""
        number = len(self._sorted)
        off = math.ceil(0.98 * math.sqrt(number))
        return self._sorted[max(0, number // 2 - off)], self._sorted[min(number - 1, number // 2 + off)]

    def __str__(self) -> str:
        low, median, high = statistics.quantiles(self._sorted, n=4)
        return f"{median:.3f} ({low:.3f}-{high:.3f})"


def table(bursts: list[dict[str, Burst]]) -> str:
    """Format a line per server: CPU time, throughput, and both as ratios."""
    lines = [f"{'':40}{'CPU/request':>12}  {'x API without':22}{'requests/s':>10}  x plain function"]
    for name, (description, _) in SERVERS.items():
        cpu = statistics.median(burst[name].cpu for burst in bursts)
        throughput = statistics.median(burst[name].throughput for burst in bursts)
        lines.append(
            f"{description:40}{cpu * 1e6:9.0f} us  {Ratios(bursts, 'cpu', name, 'bare')!s:22}"
            f"{throughput:10.0f}  {Ratios(bursts, 'throughput', name, 'plain')}"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure, print the table and a line per target; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=600, help="bursts per server (default: 600)")
    parser.add_argument("--requests", type=int, default=60, help="requests per burst (default: 60)")
    options = parser.parse_args()
    if options.rounds < 2 or options.requests < CONNECTIONS:
        parser.error(f"use at least 2 rounds and at least {CONNECTIONS} requests")
    bursts = list(measure(options.rounds, options.requests))
    print(f"{options.rounds} rounds of {options.requests} requests; median (quartiles)")
    print(table(bursts))
    missed = 0
    for server, figure, to, bound in TARGETS:
        ratios = Ratios(bursts, figure, server, to)
        held = ratios.median <= bound if figure == "cpu" else ratios.median >= bound
        missed += not held
        low, high = ratios.interval
        print(
            f"{'held' if held else 'MISSED'}: {figure} of {server} is {ratios.median:.3f} x {to}"
            f" (95 %: {low:.3f}-{high:.3f}), target {'<=' if figure == 'cpu' else '>='} {bound}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
