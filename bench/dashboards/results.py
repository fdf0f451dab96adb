"""The cost of each dashboard and panel, and what is claimed of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bench.dashboards import grafana
from bench.dashboards.count import Labels, Samples
from bench.dashboards.measure import END
from bench.dashboards.promql import selectors
from bench.dashboards.raw import Rules
from lab import ROOT

FOLDER = ROOT / "dashboards"
SPANS = {"24 h": 86_400, "30 d": 30 * 86_400}
"""The time ranges for which dashboards are opened, in seconds."""
HISTORY_SECONDS = 90 * 86_400
"""More than any window of a panel over 30 days."""
OPENED_FOR = {"namespace": "shop", "service": "checkout"}
"""What the reader chose, where a dashboard has it; else the first."""
SHARE = 0.1
"""Claim: a dashboard touches at most this share of what its panels would touch on raw series."""
BUDGETS = {
    "platform": 300_000,
    "service": 300_000,
    "services": 300_000,
    "storage-api": 750_000,
    "workload": 450_000,
}
"""Most samples that opening a dashboard may touch over any of SPANS."""
RAW_ONLY = ("platform",)
"""Dashboards that read what Prometheus says about itself: few gauges, for which there are no records."""


class Cost(NamedTuple):
    """A query of a dashboard over a span, and the samples that it touches."""

    dashboard: str
    span: str
    query: grafana.Query
    samples: int
    raw_samples: int
    """Those of the same query on raw series."""
    least_raw_samples: int
    """Those of a query on raw series that reads each of its selectors only once."""


def names() -> list[str]:
    """The dashboards' names."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def title(name: str) -> str:
    """A dashboard's title."""
    return grafana.read(FOLDER / f"{name}.json")["title"]


def costs(series: list[Labels], every: Mapping[str, int], rules: Rules) -> list[Cost]:
    """The cost of every query of every dashboard for every span.

    `series` are those of the cluster, recorded ones included; `every` has the interval of each name.
    """
    samples = Samples(series, every, END - HISTORY_SECONDS, END)
    return [
        one for name in names() for one in _of(name, grafana.read(FOLDER / f"{name}.json"), samples, rules)
    ]


def _of(name: str, dashboard: dict[str, Any], samples: Samples, rules: Rules) -> Iterator[Cost]:
    variables = grafana.chosen(dashboard, samples.values, OPENED_FOR)
    for title, span in SPANS.items():
        for query in grafana.queries(dashboard, END, span, variables):
            raw = rules.selectors(query.expr)
            touched = (
                samples.touched(found, query.times)
                for found in (selectors(query.expr), raw, dict.fromkeys(raw, 1))
            )
            yield Cost(name, title, query, *touched)


class Claim(NamedTuple):
    """A claim, and each result that contradicts it."""

    text: str
    contradictions: list[str]


def claims(found: list[Cost]) -> list[Claim]:
    """What the page claims, compared with the results."""
    totals = {
        (name, span): total([one for one in found if (one.dashboard, one.span) == (name, span)])
        for name, span in dict.fromkeys((one.dashboard, one.span) for one in found)
    }
    shares = {
        (f"{name} over {span}"): (ours, raw, least)
        for (name, span), (ours, raw, least) in totals.items()
        if name not in RAW_ONLY
    }
    return [
        Claim(
            "No dashboard exceeds its budget",
            [
                f"{name} over {span}: {ours:,} samples, its budget is {BUDGETS.get(name, 0):,}"
                for (name, span), (ours, *_) in totals.items()
                if ours > BUDGETS.get(name, 0)
            ],
        ),
        Claim(
            f"At most {SHARE} of the samples of the same panels on raw series",
            [f"{one}: {ours / raw:.3f}" for one, (ours, raw, _) in shares.items() if ours > SHARE * raw],
        ),
        Claim(
            f"At most {SHARE} of them even if each query on raw series read each of its selectors only once",
            [
                f"{one}: {ours / least:.3f}"
                for one, (ours, _, least) in shares.items()
                if ours > SHARE * least
            ],
        ),
    ]


def total(found: list[Cost]) -> tuple[int, int, int]:
    """The samples of queries, those on raw series, and the least on raw series."""
    return (
        sum(one.samples for one in found),
        sum(one.raw_samples for one in found),
        sum(one.least_raw_samples for one in found),
    )
