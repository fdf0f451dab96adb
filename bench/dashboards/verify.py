"""Compares the calculated costs with what Prometheus reports for the same queries on recorded samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.dashboards import cluster, measure
from bench.dashboards.count import Labels, Samples, selectors
from bench.dashboards.measure import END
from bench.dashboards.results import SPANS, Cost
from bench.slo.server import Server, load

SPARSE_SECONDS = 300
"""Interval of the samples of 30 days: a selector without a range still finds one at each step."""
MOST_RAW_SAMPLES = 20_000_000
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
    every_series = Samples(series, every)
    read = {
        str(sorted(labels.items())): labels
        for cost in costs
        for one in selectors(cost.query.expr)
        for labels in every_series.selected(one.node)
    }
    found = {}
    for span, length in SPANS.items():
        asked = [cost for cost in costs if cost.span == span]
        sparse = dict.fromkeys(every, SPARSE_SECONDS) if length > SPANS["24 h"] else every
        queries = {(cost.dashboard, cost.query.panel, cost.query.ref): cost.query for cost in asked}
        found[span] = _compared(folder / str(length), list(read.values()), sparse, length, queries.items())
    return found


def raw(folder: Path, costs: list[Cost], series: list[Labels], every: Mapping[str, int]) -> Verified:
    """The queries on raw series over 24 h, on the series of one route of each service."""
    thin = cluster.of_one_route(series)
    span, length = next(iter(SPANS.items()))
    calculated = Samples(thin, every, END - length - MARGIN_SECONDS, END)
    queries = {
        (cost.dashboard, cost.query.panel, cost.query.ref): cost.query._replace(expr=cost.raw)
        for cost in costs
        if cost.span == span and calculated.touched(cost.raw, cost.query.times) <= MOST_RAW_SAMPLES
    }
    return _compared(folder / "raw", thin, every, length, queries.items())


def _compared(
    folder: Path, series: list[Labels], every: Mapping[str, int], length: int, queries: Iterable
) -> Verified:
    begin = END - length - MARGIN_SECONDS
    folder.mkdir()
    load(folder / "data", measure.samples(series, every, begin, END))
    calculated = Samples(series, every, begin, END)
    different, peaks, count = [], {}, 0
    with Server(folder / "data") as server:
        for (dashboard, panel, ref), query in queries:
            got, peak = measure.touched(server, query)
            count += 1
            wanted = calculated.touched(query.expr, query.times)
            if got != wanted:
                different.append(
                    f"{dashboard}, {panel} {ref}: {got} samples, calculated {wanted}: {query.expr}"
                )
            peaks[dashboard] = max(peak, peaks.get(dashboard, 0))
    return Verified(count, different, peaks)
