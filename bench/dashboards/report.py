"""docs/dashboards-cost.md, from page.md and the costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template

from bench.dashboards.cluster import PODS
from bench.dashboards.count import Labels
from bench.dashboards.results import BUDGETS, RAW_ONLY, SPANS, Cost, claims, names, title, total
from bench.dashboards.verify import MOST_RAW_SAMPLES, SPARSE_SECONDS, Verified
from bench.slo.report import claim, table
from lab import ROOT

PAGE = ROOT / "docs" / "dashboards-cost.md"
TEMPLATE = Path(__file__).with_name("page.md")


def page(
    costs: list[Cost], scraped: list[Labels], series: list[Labels], own: Mapping[str, Verified], raw: Verified
) -> str:
    """The page as Markdown."""
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        pods=" and ".join(f"{len(pods)} pods of {name}" for (_, name), pods in PODS.items()),
        scraped=f"{len(scraped):,}",
        recorded=f"{len(series) - len(scraped):,}",
        claims="".join(claim(one) for one in claims(costs)),
        dashboards=dashboards(costs),
        panels=panels(costs),
        peaks=table(
            ["Dashboard", *(f"Samples held at once, {span}" for span in SPANS)],
            ([title(name), *(f"{own[span].peaks[name]:,}" for span in SPANS)] for name in names()),
        ),
        queries=f"{sum(one.queries for one in own.values()):,}",
        raw_queries=f"{raw.queries:,}",
        raw_all=f"{sum(cost.span == next(iter(SPANS)) for cost in costs):,}",
        most=f"{MOST_RAW_SAMPLES / 1e6:g}",
        sparse=f"{SPARSE_SECONDS // 60}",
    )
    return text.rstrip("\n") + "\n"


def dashboards(costs: list[Cost]) -> str:
    """The table of dashboards."""
    return table(
        ["Dashboard", "Queries", *_heads(), "Budget"],
        (
            [
                title(name),
                str(sum((one.dashboard, one.span) == (name, next(iter(SPANS))) for one in costs)),
                *_figures(costs, lambda one, name=name: one.dashboard == name, name not in RAW_ONLY),
                f"{BUDGETS.get(name, 0):,}",
            ]
            for name in names()
        ),
    )


def panels(costs: list[Cost]) -> str:
    """The table of panels and annotations, in the order of their dashboards."""
    rows = dict.fromkeys((one.dashboard, one.query.panel) for one in costs)
    return table(
        ["Dashboard", "Panel", *_heads()],
        (
            [
                title(row[0]),
                row[1],
                *_figures(costs, lambda one, row=row: (one.dashboard, one.query.panel) == row),
            ]
            for row in rows
        ),
    )


def _heads() -> list[str]:
    return [head for span in SPANS for head in (f"Samples, {span}", "On raw series", "Share")]


def _figures(costs: list[Cost], which: Callable[[Cost], bool], shared: bool = True) -> list[str]:
    cells = []
    for span in SPANS:
        ours, raw, _ = total([one for one in costs if one.span == span and which(one)])
        cells += [f"{ours:,}", f"{raw:,}", _share(ours / raw) if raw and shared else "-"]
    return cells


def _share(share: float) -> str:
    return "< 0.0001" if 0 < share < 0.0001 else f"{share:.4f}"
