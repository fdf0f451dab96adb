"""Sample traffic: rounds of PUT, GET and DELETE, counted and timed by the client."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import requests
from requests.adapters import HTTPAdapter
from rich.console import Console
from rich.table import Table

from lab.errors import LabError

METHODS = ("PUT", "GET", "DELETE")
NO_ANSWER = "none"
"""The status reported for a request without a response."""
QUANTILES = (0.5, 0.9, 0.99)
TIMEOUT_SECONDS = 10


@dataclass
class Report:
    """Requests that were sent, with their statuses and latencies."""

    seconds: float = 0.0
    complete: bool = False
    """True once every round has been sent."""
    latencies: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """Latency of each request in seconds, by method and status."""

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """Requests by method and status."""
        return Counter({key: len(values) for key, values in self.latencies.items()})

    def by_status(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (_, status), count in self.counts.items():
            found[status] += count
        return found

    @property
    def requests(self) -> int:
        return self.counts.total()

    @property
    def rate(self) -> float:
        """Requests per second over the run."""
        return self.requests / self.seconds if self.seconds else 0.0

    def add(self, method: str, status: str, seconds: float) -> None:
        """Adds one request; thread-safe."""
        self.latencies.setdefault((method, status), []).append(seconds)

    def as_json(self) -> str:
        """One line: `requests`, `complete`, `seconds`, `rate`, and `sent`, a list by method and status."""
        sent = [
            {"method": method, "status": status, "count": len(values), "seconds": _quantiles(values)}
            for (method, status), values in sorted(self.latencies.items())
        ]
        whole = {
            "requests": self.requests,
            "complete": self.complete,
            "seconds": self.seconds,
            "rate": self.rate,
            "sent": sent,
        }
        return json.dumps(whole)

    def as_table(self) -> Table:
        title = f"{self.requests} requests in {self.seconds:.1f} s, {self.rate:.0f} per second"
        table = Table(title=title, title_justify="left")
        for heading in ("method", "status"):
            table.add_column(heading)
        for heading in ("requests", *(f"p{q * 100:.0f}" for q in QUANTILES), "max"):
            table.add_column(heading, justify="right")
        for (method, status), values in sorted(self.latencies.items()):
            times = [f"{seconds * 1000:.1f} ms" for seconds in _quantiles(values).values()]
            table.add_row(method, status, str(len(values)), *times)
        return table


def send(
    url: str,
    *,
    path: str = "/api/buckets",
    rounds: int = 1000,
    parallel: int = 8,
    ids: int = 8,
    prefix: str = "",
    rate: float = 0.0,
    keep_going: bool = False,
) -> Report:
    """Sends the rounds and returns the report, even if Ctrl-C ends the run early.

    A round is one PUT of each id below `path`, then one GET of each, then one DELETE of each. Ids are
    `prefix` and a number from 1 to `ids`, such as `sample-1`; `parallel` requests run at a time. `rate`
    limits rounds per second, 0 is no limit. Raises LabError if the server does not answer, unless
    `keep_going` is set.
    """
    report = Report()
    started = time.monotonic()
    try:
        with requests.Session() as session, ThreadPoolExecutor(parallel) as pool:
            session.mount("http://", HTTPAdapter(pool_maxsize=parallel))
            for index in range(rounds):
                statuses = set()
                for method in METHODS:
                    send_one = partial(_request, session, report, method, f"{url}{path}")
                    statuses |= set(pool.map(send_one, [f"{prefix}{number}" for number in range(1, ids + 1)]))
                if statuses == {NO_ANSWER} and not keep_going:
                    raise LabError(f"nothing answers at {url} (round {index + 1} of {rounds})")
                if rate:  # wait until the next round is due
                    time.sleep(max(0.0, started + (index + 1) / rate - time.monotonic()))
            report.complete = True
    except KeyboardInterrupt:
        pass
    report.seconds = time.monotonic() - started
    return report


def _request(session: requests.Session, report: Report, method: str, url: str, id: str) -> str:
    """Sends one request, adds it to the report, and returns its status."""
    body = f"sample object {id}".encode() if method == "PUT" else None
    started = time.perf_counter()
    try:
        response = session.request(method, f"{url}/{id}", data=body, timeout=TIMEOUT_SECONDS)
        status = str(response.status_code)
    except requests.RequestException:
        status = NO_ANSWER
    report.add(method, status, time.perf_counter() - started)
    return status


def _quantiles(values: list[float]) -> dict[str, float]:
    """Nearest-rank quantiles in seconds, and the maximum, such as `{"p50": 0.002, ..., "max": 0.1}`."""
    ordered = sorted(values)
    found = {f"p{q * 100:.0f}": ordered[min(len(ordered) - 1, int(q * len(ordered)))] for q in QUANTILES}
    return found | {"max": ordered[-1]}


def show(report: Report, *, as_json: bool) -> None:
    """Prints the report to stdout."""
    if as_json:
        print(report.as_json())
    else:
        Console().print(report.as_table())
