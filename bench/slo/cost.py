"""The cost of our rules for many services: samples and seconds of evaluation, and bytes that are stored."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench.slo.server import Server, load
from bench.slo.shapes import INTERVAL, NAMESPACE, entry, from_groups, rendered
from bench.slo.traffic import DAY, HOUR, Series
from lab import ROOT
from lab.errors import LabError
from lab.render.chart import KubernetesLoader
from lab.render.helm import run_helm

COUNTS = (1, 10, 100)
"""Numbers of services."""
PODS = 4
"""Each with five series of requests: 20 series for a service."""
EVERY = 10
"""Seconds between two evaluations here, to wait less for the slow groups. One evaluation costs the same."""

WATCH_SECONDS = 45


class Cost(NamedTuple):
    """The cost of a number of services: samples and seconds of evaluation in 30 seconds; sizes in bytes."""

    services: int
    rules: int
    samples: float
    seconds: float
    release: int
    """Size of the Secret in which Helm stores a release of charts/slo alone."""
    largest: int
    """Size of the largest PrometheusRule."""


def measure(folder: Path) -> list[Cost]:
    """Evaluate the rules of a hundred services, each with the history of a whole period."""
    names = [f"service-{number:02}" for number in range(max(COUNTS))]
    groups = rendered(names, 99.9, interval=f"{EVERY}s")
    begin = int(time.time())
    load(folder / "data", recorded(names, begin))
    # Rules can't record before the newest sample of a server, so samples end where evaluations begin.
    load(folder / "data", scraped(names, begin - HOUR, int(time.time())))
    rules = yaml.safe_dump({"groups": [group for one in groups.values() for group in one]})
    with Server(folder / "data", rules=rules) as server:
        took = evaluated(server)
        touched = samples(server, groups[names[0]])
    costs = []
    for count in COUNTS:
        evaluations = [took[group["name"]] for name in names[:count] for group in groups[name]]
        number = sum(len(group["rules"]) for name in names[:count] for group in groups[name])
        # Services share no series, so their samples add up.
        costs.append(Cost(count, number, touched * count, sum(evaluations), *sizes(names[:count])))
    return costs


def sizes(names: list[str]) -> tuple[int, int]:
    """Bytes that Helm stores for a release of charts/slo, and of its largest PrometheusRule."""
    values = json.dumps({"services": {name: entry(99.9) for name in names}})
    options = ["--dry-run=client", "--output", "json", "--values", "-"]
    done = run_helm("install", "bench", ROOT / "charts/slo", *options, given=values)
    done.check_returncode()
    release = json.loads(done.stdout)
    # Helm stores the release as gzip at the best compression, in base64.
    stored = base64.b64encode(gzip.compress(json.dumps(release, separators=(",", ":")).encode(), 9))
    objects = yaml.load_all(release["manifest"], Loader=KubernetesLoader)
    return len(stored), max(len(json.dumps(one, separators=(",", ":"))) for one in objects)


def recorded(names: list[str], end: int) -> Iterator[Series]:
    """The series that our rules have recorded for each service and read over more than a day."""
    for name in names:
        slo = f'slo="{name}-availability",slo_indicator="availability"'
        own = f'namespace="{NAMESPACE}",slo_service="{name}",{slo}'
        for rate, days in (("avg5m_rate5m", 30), ("rate5m", 3)):
            times = range(end - days * DAY, end, INTERVAL)
            for record, value in (("requests", 20.0), ("bad_requests", 0.01)):
                yield f"slo:{record}:{rate}{{{own}}}", [(when, value) for when in times]


def scraped(names: list[str], start: int, end: int) -> Iterator[Series]:
    """The metrics of each service, of which each request counter grows by one each second."""
    times = [when for when in range(start, end) if when % INTERVAL == 0]
    for name in names:
        for pod in range(PODS):
            labels = f'namespace="{NAMESPACE}",job="{name}",instance="pod-{pod}"'
            yield f"up{{{labels}}}", [(when, 1) for when in times]
            for code in (200, 201, 204, 404, 500):
                yield f'http_requests_total{{{labels},code="{code}"}}', [(when, when) for when in times]


def evaluated(server: Server) -> dict[str, float]:
    """Seconds of evaluation within 30 seconds by group: each group's shortest of at least one evaluation."""
    started = time.monotonic()
    shortest: dict[str, float] = {}
    while time.monotonic() < started + 300:
        time.sleep(EVERY / 4)  # so that no evaluation is missed
        found = server.get("rules")["groups"]
        faults = [rule["lastError"] for group in found for rule in group["rules"] if rule.get("lastError")]
        if faults:
            raise LabError(f"a rule can't be evaluated: {faults[0]}")
        for group in found:
            if group["evaluationTime"]:
                took = group["evaluationTime"] * EVERY / group["interval"]
                shortest[group["name"]] = min(took, shortest.get(group["name"], took))
        if len(shortest) == len(found) and time.monotonic() > started + WATCH_SECONDS:
            return shortest
    raise LabError("not every rule was evaluated within five minutes")


def samples(server: Server, groups: list[dict[str, Any]]) -> float:
    """Samples that the rules of a service touch within 30 seconds."""
    now = int(time.time())
    return sum(server.samples(rule.expr, now)[0] * EVERY / rule.every for rule in from_groups(groups).rules)
