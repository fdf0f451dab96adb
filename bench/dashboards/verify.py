"""Compares the calculated costs with what Prometheus reports for the same queries on recorded samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.dashboards import measure
from bench.dashboards.count import Labels, Samples
from bench.dashboards.measure import END
from bench.dashboards.promql import Selector, names, selectors
from bench.dashboards.raw import Rules
from bench.dashboards.results import SPANS, Cost
from bench.dashboards.series import of_one_route
from bench.slo.server import Server, load

SPARSE_SECONDS = 300
"""Interval of the samples of 30 days: a selector without a range still finds one at each step."""
MOST_RAW_SAMPLES = 10_000_000
"""Queries on raw series that touch more are only calculated."""
MARGIN_SECONDS = 3600


class Verified(NamedTuple):
    """Queries that Prometheus answered, those that differ, and by dashboard the most samples held at once."""

    queries: int
    different: list[str]
    peaks: Mapping[str, int]


def dashboards(
    folder: Path, costs: list[Cost], series: list[Labels], every: Mapping[str, int]
) -> dict[str, Verified]:
    """The dashboards' own queries on all series that they read, by span."""
    found = {}
    for span, length in SPANS.items():
        asked = [cost for cost in costs if cost.span == span]
        read = set().union(*(names(cost.query.expr) for cost in asked if cost.samples))
        samples = [one for one in series if one["__name__"] in read]
        sparse = dict.fromkeys(every, SPARSE_SECONDS) if length > SPANS["24 h"] else every
        queries = [(cost, cost.query.expr, selectors(cost.query.expr)) for cost in asked]
        known = Samples(samples, sparse, END - length - MARGIN_SECONDS, END)
        found[span] = _compared(folder / str(length), known, queries)
    return found


def raw(
    folder: Path, costs: list[Cost], series: list[Labels], every: Mapping[str, int], rules: Rules
) -> Verified:
    """The queries on raw series over 24 h, on the series of one route of each service."""
    span, length = next(iter(SPANS.items()))
    samples = Samples(of_one_route(series), every, END - length - MARGIN_SECONDS, END)
    asked = [(cost, rules.selectors(cost.query.expr)) for cost in costs if cost.span == span]
    queries = [
        (cost, rules.raw(cost.query.expr), found)
        for cost, found in asked
        if samples.touched(found, cost.query.times) <= MOST_RAW_SAMPLES
    ]
    return _compared(folder / "raw", samples, queries)


def _compared(
    folder: Path, samples: Samples, queries: Iterable[tuple[Cost, str, Mapping[Selector, int]]]
) -> Verified:
    """Ask a Prometheus with these samples for expressions, and compare with what their selectors touch."""
    folder.mkdir()
    load(folder / "data", measure.written(samples))
    different, peaks, count = [], {}, 0
    with Server(folder / "data") as server:
        for cost, expr, found in queries:
            query = cost.query._replace(expr=expr)
            got, peak = measure.touched(server, query)
            wanted = samples.touched(found, query.times)
            if got != wanted:
                name = f"{cost.dashboard}, {query.panel} {query.ref}"
                different.append(f"{name}: {got} samples, calculated {wanted}: {expr}")
            peaks[cost.dashboard] = max(peak, peaks.get(cost.dashboard, 0))
            count += 1
    return Verified(count, different, peaks)
