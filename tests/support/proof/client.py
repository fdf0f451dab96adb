"""The scripted client: it sends known requests to each process, evenly spread, and keeps its own count."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter

TICK_SECONDS = 0.25
WORKERS = 24
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Stream:
    """A request that is sent to one process `per_tick` times in each tick."""

    service: tuple[str, str]
    pod: str
    url: str
    method: str
    path: str
    route: str
    """As the service's metrics name it."""
    per_tick: int = 1
    body: bytes | None = None


@dataclass(frozen=True)
class Sent:
    """A request that was answered."""

    at: float
    """Unix time of the answer."""
    seconds: float
    """Its latency as the client saw it."""
    service: tuple[str, str]
    pod: str
    route: str
    method: str
    status: str
    trace: str
    """The id of the trace that it brought, which the client samples."""

    @property
    def outcome(self) -> str:
        return "bad" if self.status.startswith("5") else "good"


class Client:
    """Sends the streams of `send` until `stop`; thread-safe."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.unanswered: list[str] = []
        """Requests without an answer, in words: there must be none."""
        self._ended = threading.Event()
        self._sender: threading.Thread | None = None
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(pool_maxsize=WORKERS))

    def send(self, streams: Sequence[Stream]) -> None:
        """Send these streams from now on instead of the ones before."""
        self.stop()
        self._ended.clear()
        self._sender = threading.Thread(target=self._run, args=(list(streams),), daemon=True)
        self._sender.start()

    def stop(self) -> None:
        """Send no more, and wait for the last answers."""
        self._ended.set()
        if self._sender:
            self._sender.join()

    def request(self, stream: Stream) -> None:
        """Send one request and note it."""
        trace = secrets.token_hex(16)
        headers = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
        started, clock = time.time(), time.perf_counter()
        try:
            status = self._session.request(
                stream.method,
                stream.url + stream.path,
                data=stream.body,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
            ).status_code
        except requests.RequestException as error:
            self.unanswered.append(f"{stream.pod} {stream.method} {stream.path}: {type(error).__name__}")
            return
        seconds = time.perf_counter() - clock
        about = (stream.service, stream.pod, stream.route, stream.method, str(status), trace)
        self.sent.append(Sent(started + seconds, seconds, *about))

    def _run(self, streams: Sequence[Stream]) -> None:
        each = [stream for stream in streams for _ in range(stream.per_tick)]
        started, number = time.monotonic(), 0
        with ThreadPoolExecutor(WORKERS) as pool:
            while True:
                due = started + number * TICK_SECONDS / len(each)
                if self._ended.wait(max(0.0, due - time.monotonic())):
                    return
                pool.submit(self.request, each[number % len(each)])
                number += 1


def count(sent: Iterable[Sent], *by: str) -> Counter[tuple[str, ...]]:
    """The number of requests by some of their fields."""
    return Counter(tuple(getattr(one, name) for name in by) for one in sent)
