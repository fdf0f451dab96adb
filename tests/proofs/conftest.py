"""The platform with traffic that the tests counted themselves, once a run."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from lab import traffic
from lab.chart import ROOT, Render
from lab.dashboard import Dashboard, TimeRange, interpolate
from lab.platform import Platform

SCRAPE_SECONDS = 1
# What the sample traffic alone would not show: every response counts, these too.
REFUSED = (
    ("GET", "/api/buckets/missing"),
    ("DELETE", "/api/buckets/missing"),
    ("PATCH", "/api/buckets/1"),
    ("GET", "/no/route"),
)
STEADY_SECONDS = 12
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
    """What was sent beside it and refused, by method and status."""
    kept: dict[str, bytes]
    """The objects that are stored at the end."""
    steady: TimeRange
    """From the first complete rate window of the steady part to its end."""

    @property
    def statuses(self) -> Counter[str]:
        """Every request of the run by status, whoever sent it."""
        found = self.report.by_status()
        for (_, status), count in self.refused.items():
            found[status] += count
        found["200"] += len(self.kept)
        return found

    def expression(self, text: str) -> str:
        """A panel's expression with the dashboard's variables in it, as Grafana would send it."""
        return interpolate(text, self.dashboard.resolve(self.platform.prometheus), self.steady.variables())

    def panel(self, title: str) -> list[dict]:
        """The steady part of a panel's only query."""
        (query,) = [query for query in self.dashboard.queries() if query.panel == title]
        return self.platform.prometheus.query_range(
            self.expression(query.expression), self.steady.start, self.steady.end, SCRAPE_SECONDS
        )


@pytest.fixture(scope="session")
def proof(tmp_path_factory) -> Iterator[Proof]:
    values = {
        "kube-prometheus-stack": {
            "prometheus": {"prometheusSpec": {"scrapeInterval": "1s", "evaluationInterval": "1s"}},
            "grafana": {"sidecar": {"datasources": {"defaultDatasourceScrapeInterval": "1s"}}},
        },
        "storage-api": {"serviceMonitor": {"interval": "1s", "scrapeTimeout": "1s"}},
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
        )


def _steady_traffic(url: str, refused: Counter[tuple[str, str]]) -> traffic.Report:
    """Twelve seconds of rounds, and beside them, as steadily, what is refused."""

    def refuse() -> None:
        with requests.Session() as session:
            started = time.monotonic()
            for turn in range(1, 2 * STEADY_SECONDS + 1):
                for method, path in REFUSED:
                    refused[method, str(session.request(method, url + path, timeout=5).status_code)] += 1
                time.sleep(max(0.0, started + turn / 2 - time.monotonic()))

    beside = threading.Thread(target=refuse)
    beside.start()
    report = traffic.send(url, rounds=4 * STEADY_SECONDS, rate=4)
    beside.join()
    return report


def _wait_for_targets(platform: Platform) -> None:
    deadline = time.monotonic() + 30
    while not all(target["health"] == "up" for target in platform.prometheus.targets()):
        assert time.monotonic() < deadline, platform.prometheus.targets()
        time.sleep(0.2)
