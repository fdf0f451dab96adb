"""Fixture `proof`: the platform after traffic that the test client counted itself; made once per run."""

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
from tests.support.drill import FAILED, HELD, TAKEN, THREADS
from tests.support.intervals import every
from tests.support.waiting import wait_until

SCRAPE_SECONDS = 1
# (method, path, `method` label in the metrics) of requests with error responses, which must be counted too.
REFUSED = (
    ("GET", "/api/buckets/missing", "GET"),
    ("DELETE", "/api/buckets/missing", "DELETE"),
    ("PATCH", "/api/buckets/1", "_OTHER"),
    ("GET", "/no/route", "_OTHER"),
)
# Length of each phase of the drill: several scrapes, so that a busy machine cannot miss one.
PHASE_SECONDS = 2.5
KEPT = {f"kept-{number}": bytes(1000 * number) for number in range(1, 5)}


@dataclass
class Proof:
    """The platform after the traffic, and the client's own record of it."""

    platform: Platform
    render: Render
    dashboard: Dashboard
    report: traffic.Report
    """The client's record of the steady traffic."""
    refused: Counter[tuple[str, str]]
    """Number of requests with error responses, by `method` label and status."""
    kept: dict[str, bytes]
    """The objects stored at the end, by id."""
    steady: TimeRange
    """From the first complete rate window of the steady traffic to its end."""
    drill: TimeRange
    """The time of the drill, see `_drill`."""

    @property
    def statuses(self) -> Counter[str]:
        """Number of all requests of the run, by status."""
        found = self.report.by_status()
        for (_, status), count in self.refused.items():
            found[status] += count
        return found + Counter({"200": len(self.kept) + HELD, "503": FAILED})

    def expression(self, text: str) -> str:
        """Fill the dashboard's variables into a panel's expression, as Grafana does before it queries."""
        return interpolate(text, self.dashboard.resolve(self.platform.prometheus), self.steady.variables())

    def query(self, title: str) -> Query:
        """The query of a panel that has only one."""
        (query,) = [query for query in self.dashboard.queries() if query.panel == title]
        return query

    def panel(self, title: str, during: TimeRange | None = None) -> list[dict]:
        """The series that a panel with one query shows; `during` defaults to the steady traffic."""
        during = during or self.steady
        return self.platform.prometheus.query_range(
            self.expression(self.query(title).expression), during.start, during.end, SCRAPE_SECONDS
        )

    def counts(self, title: str, *by: str) -> dict[tuple[str, ...], int]:
        """The total counts behind a panel of rates, by these labels.

        The panel's query is run without its rate(), which yields totals because the counters began at 0.
        """
        rates = self.query(title).expression
        totals = re.sub(r"rate\((.+?)\[\$__rate_interval\]\)", r"\1", rates)
        assert totals != rates
        found = self.platform.prometheus.query(self.expression(totals))
        return {tuple(s["metric"][label] for label in by): int(s["value"][1]) for s in found}


@pytest.fixture(scope="session")
def proof(tmp_path_factory, draws) -> Iterator[Proof]:
    values = every(SCRAPE_SECONDS)
    values["storage-api"] |= {"config": {"threads": THREADS}, "faults": {"enabled": True}}
    with Platform(folder=tmp_path_factory.mktemp("lab"), values=values) as platform:
        _wait_for_targets(platform)
        refused: Counter[tuple[str, str]] = Counter()
        started = time.time()
        report = _steady_traffic(platform.service_url, refused, draws(9, 12))
        ended = time.time()
        for name, body in KEPT.items():
            requests.put(
                f"{platform.service_url}/api/buckets/{name}", data=body, timeout=5
            ).raise_for_status()
        drill = _drill(platform.service_url)
        _wait_for_a_scrape(platform)
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


def _steady_traffic(url: str, refused: Counter[tuple[str, str]], seconds: int) -> traffic.Report:
    """Send the sample traffic for some seconds, and the REFUSED requests twice a second beside it."""

    def refuse() -> None:
        with requests.Session() as session:
            started = time.monotonic()
            for turn in range(1, 2 * seconds + 1):
                for method, path, counted_as in REFUSED:
                    answer = session.request(method, url + path, timeout=5)
                    refused[counted_as, str(answer.status_code)] += 1
                time.sleep(max(0.0, started + turn / 2 - time.monotonic()))

    beside = threading.Thread(target=refuse)
    beside.start()
    report = traffic.send(url, rounds=4 * seconds, rate=4)
    beside.join()
    return report


def _drill(url: str) -> TimeRange:
    """Occupy threads, then delay more requests than there are threads left, then make the store fail."""
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


def _wait_for_a_scrape(platform: Platform) -> None:
    """Wait until the service has been scraped once more, so that Prometheus has the final counts."""
    now = time.time()
    scraped = "min(timestamp(http_request_count_total))"
    wait_until(
        lambda: platform.prometheus.value(scraped) > now, 30, "the service is scraped again", every=0.1
    )


def _wait_for_targets(platform: Platform) -> None:
    def up() -> bool:
        return all(target["health"] == "up" for target in platform.prometheus.targets())

    wait_until(up, 30, "every target is up")
