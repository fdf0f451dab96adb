"""One run of all applications side by side, scraped by one Prometheus with the rules of charts/slo.

First comes a burst of requests: as all series are born with it, the rules must count it exactly. Then comes
steady traffic for longer than the window: rates must be those that were sent.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.toolchain import ToolError
from tests.presets import servers
from tests.presets.applications import APPLICATIONS, Application, Place, go
from tests.presets.servers import Query, Sample
from tests.presets.traffic import SLOW, Answer, Request, send
from tests.support.waiting import wait_until

SPEED = 30
WINDOW = 300 / SPEED
"""Seconds of the window that the records call 5m."""
START_SECONDS = 60
BEFORE_SECONDS = 9
"""Time of scrapes before the first request: with SETTLE_SECONDS longer than the window."""
SETTLE_SECONDS = 3
"""Within this time answers are scraped and rules evaluated; new series are still new afterwards."""
STEADY_SECONDS = 12
"""Longer than the window."""
STEADY = [*[Request(200)] * 3, Request(404), *[Request(200, SLOW)] * 2, Request(500), Request(503)]
"""The requests of one second of steady traffic."""


@dataclass(frozen=True)
class Recorded:
    """The samples of all records at one time."""

    samples: list[Sample]

    def values(self, label: str, record: str, service: str, **labels: str) -> dict[str, float]:
        """A service's samples with these labels, by one of their other labels."""
        wanted = {"__name__": record, "slo_service": service, **labels}
        return {have.get(label, ""): value for have, value in self.samples if wanted.items() <= have.items()}

    def value(self, record: str, service: str, **labels: str) -> float:
        """A service's only sample with these labels; NaN if there is none."""
        found = self.values("slo", record, service, **labels)
        assert len(found) <= 1, found
        return next(iter(found.values()), float("nan"))


@dataclass(frozen=True)
class Run:
    """What was sent to each application, and what Prometheus had recorded afterwards."""

    burst: dict[str, list[Answer]]
    after_burst: Recorded
    steady: dict[str, list[Answer]]
    after_steady: Recorded
    bounds: dict[str, set[str]]
    """The bounds of each histogram's buckets, in its own unit."""
    alerts_before: dict[str, set[str]]
    """The names of each service's alerts, pending or firing, before the first request."""
    alerts: dict[str, set[str]]
    """The same at the end."""
    missing: dict[str, str]
    """Why an application could not be installed."""


def burst(application: Application) -> Sequence[Request]:
    """Forty requests or so, the failed ones first."""
    crashes = [Request(application.crash, crashes=True)] * 2 if application.crash else []
    failed = [Request(500), Request(503), Request(503), Request(503, SLOW), *crashes]
    return [*failed, *[Request(200, SLOW)] * 6, *[Request(404)] * 4, *[Request(200)] * 24]


def run_all(folder: Path) -> Run:
    """Start everything, send the traffic, read the records, stop everything. Raises ToolError."""
    with ExitStack() as stack:
        upstream = servers.place(folder, "upstream")
        stack.enter_context(servers.running(go("upstream")(upstream), upstream.folder))
        places: dict[str, Place] = {}
        ready: list[Callable[[], bool]] = []
        missing: dict[str, str] = {}
        for name, application in APPLICATIONS.items():
            at = servers.place(folder, name, upstream.port)
            try:
                process = application.process(at)
            except ToolError as error:
                missing[name] = str(error)
                continue
            places[name] = at
            ready.append(partial(stack.enter_context(servers.running(process, at.folder)), at.port))
        query = stack.enter_context(servers.prometheus(folder / "prometheus", places, SPEED))
        wait_until(lambda: all(each() for each in ready), START_SECONDS, "all applications listen")
        up = f"count(up == 1) == {len(places)}"
        wait_until(lambda: query(up), START_SECONDS, "all targets are up", every=0.1, despite=OSError)
        time.sleep(BEFORE_SECONDS)
        alerts_before = _grouped(query, "ALERTS", "slo_service", "alertname")
        answers = _send(places, {name: burst(APPLICATIONS[name]) for name in places})
        time.sleep(SETTLE_SECONDS)
        after_burst = _records(query)
        more = _send(places, dict.fromkeys(places, STEADY * STEADY_SECONDS), len(STEADY))
        after_steady = _records(query)
        alerts = _grouped(query, "ALERTS", "slo_service", "alertname")
        bounds = _grouped(query, '{__name__=~".+_bucket", namespace="shop"}', "job", "le")
    return Run(answers, after_burst, more, after_steady, bounds, alerts_before, alerts, missing)


def _send(
    places: Mapping[str, Place], wanted: Mapping[str, Sequence[Request]], per_second: float = 0
) -> dict[str, list[Answer]]:
    """Send requests to all applications at the same time."""
    with ThreadPoolExecutor(len(places)) as pool:
        sent = {name: pool.submit(send, places[name].port, wanted[name], per_second) for name in places}
        return {name: future.result() for name, future in sent.items()}


def _grouped(query: Query, selector: str, by: str, label: str) -> dict[str, set[str]]:
    """The values of a label, by the value of another one."""
    found: dict[str, set[str]] = {}
    for have, _ in query(f"group by ({by}, {label}) ({selector})"):
        found.setdefault(have[by], set()).add(have[label])
    return found


def _records(query: Query) -> Recorded:
    return Recorded(query('{__name__=~"(slo|service):.+"}'))
