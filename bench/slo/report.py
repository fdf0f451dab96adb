"""docs/bench-slo.md, from page.md and the results."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from string import Template

from bench.slo.results import PEERS, SERIES, SHAPES, Claim, Results, claims, clock

TEMPLATE = Path(__file__).with_name("page.md")


def page(results: Results) -> str:
    """The page as Markdown."""
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        claims="".join(claim(one) for one in claims(results)),
        detections=table(
            ["Fault", "Objective", *(f"{shape}: {kind}" for shape in SHAPES for kind in ("page", "ticket"))],
            (
                [
                    one.title,
                    f"{one.objective:g} %",
                    *(clock(time) for shape in SHAPES for time in one.times[shape]),
                ]
                for one in results.detections
            ),
        ),
        noises=table(
            ["Case", *SHAPES],
            (
                [one.title, *("{} + {}".format(*one.alerts[shape]) for shape in SHAPES)]
                for one in results.noises
            ),
        ),
        budgets=table(
            ["Case", *SHAPES],
            ([one.title, *(figure(one.ratios[shape]) for shape in SHAPES)] for one in results.budgets),
        ),
        samples=table(
            ["", "Regardless of series", "For each series", f"{SERIES} series", "Share of ours"],
            (
                [
                    shape,
                    f"{touched.constant:,.0f}",
                    f"{touched.per_series:,.0f}",
                    f"{touched.of(SERIES):,.0f}",
                    f"{results.share(shape):.3f}" if shape in PEERS else "",
                ]
                for shape, touched in results.touched.items()
            ),
        ),
        costs=table(
            [
                "Services",
                "Rules",
                "Samples in 30 s",
                "Evaluation in 30 s",
                "Release Secret",
                "Largest PrometheusRule",
            ],
            (
                [
                    str(one.services),
                    f"{one.rules:,}",
                    f"{one.samples:,.0f}",
                    f"{one.seconds:.3f} s",
                    f"{one.release:,} bytes",
                    f"{one.largest:,} bytes",
                ]
                for one in results.costs
            ),
        ),
    )
    return text.rstrip("\n") + "\n"


def claim(one: Claim) -> str:
    """A claim as an item of a list, with what contradicts it below."""
    lines = [f"- {'**Missed**' if one.contradictions else 'Held'}: {one.text}."]
    return "".join(f"{line}\n" for line in (*lines, *(f"  - {each}" for each in one.contradictions)))


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def figure(ratio: float) -> str:
    """A ratio with three decimals, or NaN."""
    return "NaN" if math.isnan(ratio) else f"{ratio:.3f}"
