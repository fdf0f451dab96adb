"""The cost of each dashboard and panel, and what is claimed of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.dashboards import grafana
from bench.dashboards.count import Samples
from bench.dashboards.measure import END
from bench.dashboards.raw import Rules
from lab import ROOT

FOLDER = ROOT / "dashboards"
SPANS = {"24 h": 86_400, "30 d": 30 * 86_400}
"""The time ranges for which dashboards are opened, in seconds."""
OPENED_FOR = {"namespace": "shop", "service": "checkout"}
"""What the reader chose, where a dashboard has it; else the first."""
SHARE = 0.1
"""Claim: a dashboard touches at most this share of what its panels would touch on raw series."""
BUDGETS: dict[str, int] = {"storage-api": 10_000_000}
"""Most samples that opening a dashboard may touch over any of SPANS."""
RAW_ONLY = ("platform",)
"""Dashboards that read what Prometheus says about itself: few gauges, for which there are no records."""


class Cost(NamedTuple):
    """A query of a dashboard over a span, and the samples that it touches."""

    dashboard: str
    span: str
    query: grafana.Query
    samples: int
    raw: str
    """The same query on raw series."""
    raw_samples: int


def names() -> list[str]:
    """The dashboards' names."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def costs(samples: Samples, rules: Rules) -> list[Cost]:
    """The cost of every query of every dashboard for every span. `samples` must have all series."""
    return [
        one for name in names() for one in _of(name, grafana.read(FOLDER / f"{name}.json"), samples, rules)
    ]


def _of(name: str, dashboard: dict[str, Any], samples: Samples, rules: Rules) -> Iterator[Cost]:
    variables = grafana.chosen(dashboard, samples.values, OPENED_FOR)
    for title, span in SPANS.items():
        for query in grafana.queries(dashboard, END, span, variables):
            raw = rules.raw(query.expr)
            ours, theirs = (samples.touched(expr, query.times) for expr in (query.expr, raw))
            yield Cost(name, title, query, ours, raw, theirs)


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
    return [
        Claim(
            "No dashboard exceeds its budget",
            [
                f"{name} over {span}: {ours:,} samples, its budget is {BUDGETS.get(name, 0):,}"
                for (name, span), (ours, _) in totals.items()
                if ours > BUDGETS.get(name, 0)
            ],
        ),
        Claim(
            f"At most {SHARE} of the samples of the same panels on raw series",
            [
                f"{name} over {span}: {ours / raw:.3f}"
                for (name, span), (ours, raw) in totals.items()
                if name not in RAW_ONLY and ours > SHARE * raw
            ],
        ),
    ]


def total(found: list[Cost]) -> tuple[int, int]:
    """The samples of queries, and those of the same queries on raw series."""
    return sum(one.samples for one in found), sum(one.raw_samples for one in found)
