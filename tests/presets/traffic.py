"""Requests whose answers are known before they are sent, and how long each of them took."""

import http.client
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

SLOW = 600
"""Milliseconds that a slow answer takes: more than the latency threshold of every application."""
THREADS = 6


@dataclass(frozen=True)
class Request:
    """A request that is answered with an HTTP status after some milliseconds, or that crashes its handler."""

    status: int
    milliseconds: int = 0
    crashes: bool = False

    @property
    def path(self) -> str:
        return "/crash" if self.crashes else f"/{self.status}/{self.milliseconds}"

    @property
    def failed(self) -> bool:
        return self.status >= 500


@dataclass(frozen=True)
class Answer:
    """A request that was answered, and the seconds from sending it to reading the answer."""

    request: Request
    seconds: float


def send(port: int, requests: Sequence[Request], per_second: float = 0) -> list[Answer]:
    """Send requests to a loopback port: evenly spaced, or as fast as possible if the rate is 0."""
    start = time.monotonic()

    def one(number: int) -> Answer:
        if per_second:
            time.sleep(max(0.0, start + number / per_second - time.monotonic()))  # until its turn
        request = requests[number]
        sent = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", request.path)
        connection.getresponse().read()
        connection.close()
        return Answer(request, time.monotonic() - sent)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(len(requests))))
