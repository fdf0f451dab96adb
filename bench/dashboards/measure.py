"""Series of the cluster in a real Prometheus: what its rules record, and what queries touch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.dashboards import promql
from bench.dashboards.count import Labels, Samples
from bench.dashboards.grafana import SCRAPE_SECONDS, Query
from bench.slo.server import Server, load
from bench.slo.traffic import Series
from lab.render.duration import seconds

END = 1_790_000_000 // 3600 * 3600
"""Seconds since the epoch: when the dashboards are opened, and the newest sample."""
SHORT_SECONDS = 900
"""Enough history for each rule to record something."""

_COUNTER = re.compile(r".*(_total|_count|_sum|_bucket)")


def intervals(groups: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Seconds between two samples of each recorded series, and under "" of all others."""
    found = {"": SCRAPE_SECONDS}
    for group in groups:
        for rule in group["rules"]:
            if "record" in rule:
                found[rule["record"]] = int(seconds(group.get("interval") or f"{SCRAPE_SECONDS}s"))
    return found


def recorded(folder: Path, groups: list[dict[str, Any]], scraped: list[Labels]) -> list[Labels]:
    """The series that the rules record. Afterwards `folder` has SHORT_SECONDS of them and of `scraped`."""
    every = intervals(groups)
    waiting = [rule for group in groups for rule in group["rules"] if "record" in rule]
    load(folder / "data", written(Samples(scraped, every, END - SHORT_SECONDS, END)))
    found = []
    while waiting:
        names = {rule["record"] for rule in waiting}
        ready = [rule for rule in waiting if not names & promql.names(rule["expr"])]
        if not ready:
            raise ValueError(f"rules read each other: {', '.join(sorted(names))}")
        new: dict[str, Labels] = {}
        with Server(folder / "data") as server:
            for rule in ready:
                for one in server.get("query", query=rule["expr"], time=END)["result"]:
                    labels = one["metric"] | rule.get("labels", {}) | {"__name__": rule["record"]}
                    new[str(sorted(labels.items()))] = labels
        load(folder / "data", written(Samples(new.values(), every, END - SHORT_SECONDS, END)))
        found += new.values()
        waiting = [rule for rule in waiting if rule not in ready]
    return found


def written(samples: Samples) -> Iterator[Series]:
    """The samples of each series."""
    for labels in samples:
        step = samples.every.get(labels["__name__"], samples.every[""])
        times = range(-(-samples.begin // step) * step, samples.end + 1, step)
        own = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
        yield f"{labels['__name__']}{{{own}}}", [(time, value(labels, time)) for time in times]


def value(labels: Labels, time: int) -> float:
    """A value with which every rule finds something: the cost of a query does not depend on it."""
    name = labels["__name__"]
    if _COUNTER.fullmatch(name):
        # A bucket counts all requests that are faster, so wider ones grow faster.
        return (time - END + 10**8) * (1 + min(float(labels.get("le", 0)), 100))
    if name.endswith(("timestamp_seconds", "start_time_seconds")):
        return END - 3600
    if "phase" in labels:
        return float(labels["phase"] == "Running")
    if "condition" in labels:
        return float(labels["condition"] == "true")
    return 1


def touched(server: Server, query: Query) -> tuple[int, int]:
    """Prometheus' statistics of a query: the samples that it touched, and the most that it held at once."""
    if query.instant:
        return server.samples(query.expr, query.times[0])
    answer = server.get(
        "query_range",
        query=query.expr,
        start=query.times[0],
        end=query.times[-1],
        step=query.times.step,
        stats="all",
    )
    found = answer["stats"]["samples"]
    return found["totalQueryableSamples"], found["peakSamples"]
