"""The platform with traffic that the tests counted themselves, once a run."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import requests

from lab import ROOT, traffic
from lab.platform import Platform
from lab.render.chart import Render
from tests.support.dashboard import Dashboard, Query, TimeRange, interpolate

SCRAPE_SECONDS = 1
# What the sample traffic alone would not show: every response counts, these too. The last word is the method
# as metrics call it.
REFUSED = (
    ("GET", "/api/buckets/missing", "GET"),
    ("DELETE", "/api/buckets/missing", "DELETE"),
    ("PATCH", "/api/buckets/1", "_OTHER"),
    ("GET", "/no/route", "_OTHER"),
)
STEADY_SECONDS = 12
THREADS = 8
# Phases of the drill: long enough for a scrape, whatever else the machine does.
PHASE_SECONDS = 3
TAKEN, HELD, FAILED = 5, 6, 4
"""Threads that the drill takes; requests that it holds up at once; requests that it lets the store fail."""
KEPT = {f"kept-{number}": bytes(1000 * number) for number in range(1, 5)}


@dataclass
class Proof:
    """The platform after the run, and what the client knows of it."""

    platform: Platform
    render: Render
    dashboard: Dashboard
    report: traffic.Report
    """The steady part of the traffic."""
    refused: Counter[tuple[str, str]]
    """What was sent beside it and refused, by the method as metrics call it, and status."""
    kept: dict[str, bytes]
    """The objects that are stored at the end."""
    steady: TimeRange
    """From the first complete rate window of the steady part to its end."""
    drill: TimeRange
    """While the API was made to fail: see `_drill`."""

    @property
    def statuses(self) -> Counter[str]:
        """Every request of the run by status, whoever sent it."""
        found = self.report.by_status()
        for (_, status), count in self.refused.items():
            found[status] += count
        return found + Counter({"200": len(self.kept) + HELD, "503": FAILED})

    def expression(self, text: str) -> str:
        """A panel's expression with the dashboard's variables in it, as Grafana would send it."""
        return interpolate(text, self.dashboard.resolve(self.platform.prometheus), self.steady.variables())

    def query(self, title: str) -> Query:
        """A panel's only query."""
        (query,) = [query for query in self.dashboard.queries() if query.panel == title]
        return query

    def panel(self, title: str, during: TimeRange | None = None) -> list[dict]:
        """What a panel's only query returns, in the steady part where nothing else is said."""
        during = during or self.steady
        return self.platform.prometheus.query_range(
            self.expression(self.query(title).expression), during.start, during.end, SCRAPE_SECONDS
        )

    def counts(self, title: str, *by: str) -> dict[tuple[str, ...], int]:
        """A panel's own series, counted instead of rated: the service was new, so they began at 0."""
        rated = self.query(title).expression
        counted = re.sub(r"rate\((.+?)\[\$__rate_interval\]\)", r"\1", rated)
        assert counted != rated
        found = self.platform.prometheus.query(self.expression(counted))
        return {tuple(s["metric"][label] for label in by): int(s["value"][1]) for s in found}


@pytest.fixture(scope="session")
def proof(tmp_path_factory) -> Iterator[Proof]:
    values = {
        "kube-prometheus-stack": {
            "prometheus": {"prometheusSpec": {"scrapeInterval": "1s", "evaluationInterval": "1s"}},
            "grafana": {"sidecar": {"datasources": {"defaultDatasourceScrapeInterval": "1s"}}},
        },
        "storage-api": {
            "serviceMonitor": {"interval": "1s", "scrapeTimeout": "1s"},
            "config": {"threads": THREADS},
            "faults": {"enabled": True},
        },
    }
    with Platform(folder=tmp_path_factory.mktemp("lab"), values=values) as platform:
        _wait_for_targets(platform)
        refused: Counter[tuple[str, str]] = Counter()
        started = time.time()
        report = _steady_traffic(platform.service_url, refused)
        ended = time.time()
        for name, body in KEPT.items():
            requests.put(
                f"{platform.service_url}/api/buckets/{name}", data=body, timeout=5
            ).raise_for_status()
        drill = _drill(platform.service_url)
        # Two more scrapes, and all that was counted has been read.
        time.sleep(2 * SCRAPE_SECONDS + 0.5)
        window = TimeRange(started, ended, SCRAPE_SECONDS).rate_interval
        yield Proof(
            platform,
            platform.render(),
            Dashboard.read(ROOT / "dashboards" / "storage-api.json"),
            report,
            refused,
            KEPT,
            TimeRange(started + window + SCRAPE_SECONDS, ended, SCRAPE_SECONDS),
            drill,
        )


def _steady_traffic(url: str, refused: Counter[tuple[str, str]]) -> traffic.Report:
    """Twelve seconds of rounds, and beside them, as steadily, what is refused."""

    def refuse() -> None:
        with requests.Session() as session:
            started = time.monotonic()
            for turn in range(1, 2 * STEADY_SECONDS + 1):
                for method, path, counted_as in REFUSED:
                    answer = session.request(method, url + path, timeout=5)
                    refused[counted_as, str(answer.status_code)] += 1
                time.sleep(max(0.0, started + turn / 2 - time.monotonic()))

    beside = threading.Thread(target=refuse)
    beside.start()
    report = traffic.send(url, rounds=4 * STEADY_SECONDS, rate=4)
    beside.join()
    return report


def _drill(url: str) -> TimeRange:
    """Takes threads, then holds up more requests than are left, then has the store fail some."""
    started = time.time()

    def get(_: int) -> int:
        return requests.get(f"{url}/api/buckets/{next(iter(KEPT))}", timeout=20).status_code

    def fail(**fault: object) -> None:
        requests.put(f"{url}/faults", json=fault, timeout=5).raise_for_status()

    fail(threads=TAKEN, latency_seconds=PHASE_SECONDS)
    time.sleep(PHASE_SECONDS)
    with ThreadPoolExecutor(HELD) as pool:
        assert list(pool.map(get, range(HELD))) == [200] * HELD
    fail(store="refuse")
    assert [get(number) for number in range(FAILED)] == [503] * FAILED
    requests.delete(f"{url}/faults", timeout=5).raise_for_status()
    return TimeRange(started, time.time(), SCRAPE_SECONDS)


def _wait_for_targets(platform: Platform) -> None:
    deadline = time.monotonic() + 30
    while not all(target["health"] == "up" for target in platform.prometheus.targets()):
        assert time.monotonic() < deadline, platform.prometheus.targets()
        time.sleep(0.2)
