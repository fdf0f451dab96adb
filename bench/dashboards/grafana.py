"""The queries that Grafana sends when a dashboard is opened, by the rules of Grafana 13."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lab.render.duration import seconds

PAGE_PIXELS = 1366
"""Width of the browser's page."""
GRID_PIXELS = PAGE_PIXELS - 2 * 16
"""The page without its padding: what 24 columns with gaps share."""
COLUMNS, GAP_PIXELS = 24, 8
SCRAPE_SECONDS = 30
"""The data source's scrape interval: no query has a shorter step."""
ANNOTATION_POINTS = 100
"""Most points of an annotation's query."""
MOST_POINTS = 11_000
"""Most points that Prometheus returns for a series."""

# Grafana rounds an interval to the value of the last limit that does not exceed it (both in seconds).
_ROUNDED = {
    0: 1, 1.5: 2, 3.5: 5, 7.5: 10, 12.5: 15, 17.5: 20, 25: 30, 45: 60, 90: 120, 210: 300, 450: 600, 750: 900,
    1050: 1200, 1500: 1800, 2700: 3600, 5400: 7200, 9000: 10800, 16200: 21600, 32400: 43200, 86400: 86400,
    604800: 604800,
}  # fmt: skip
_LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+),\s*(?P<label>\w+)\)")
_VARIABLE = re.compile(r"\$([a-zA-Z_]\w*)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\]")


class Query(NamedTuple):
    """A query with its variables replaced; `times` are those at which it is evaluated, in seconds."""

    panel: str
    """The panel's title, or `annotation` and its name."""
    ref: str
    expr: str
    times: range
    instant: bool


def read(path: Path) -> dict[str, Any]:
    """A dashboard's JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def queries(
    dashboard: Mapping[str, Any], end: int, span: int, variables: Mapping[str, str]
) -> Iterator[Query]:
    """The queries of the panels and the annotations over the `span` seconds before `end`.

    Panels in collapsed rows are not queried. `variables` are the values as PromQL needs them; raises KeyError
    for an expression with any other.
    """
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            if target.get("hide"):
                continue
            shortest = seconds(target.get("interval") or panel.get("interval") or f"{SCRAPE_SECONDS}s")
            points = panel.get("maxDataPoints") or pixels(panel["gridPos"]["w"])
            every = interval(span, points, shortest)
            expr = replaced(target["expr"], variables, every, span)
            if target.get("instant"):
                yield Query(panel["title"], target["refId"], expr, range(end, end + 1), True)
            if target.get("range") or not target.get("instant"):
                yield Query(panel["title"], target["refId"], expr, aligned(end, span, every), False)
    for annotation in dashboard.get("annotations", {}).get("list", []):
        # Grafana's own annotation has no expression.
        expr = annotation.get("expr") or annotation.get("target", {}).get("expr")
        if expr and annotation.get("enable"):
            every = interval(span, ANNOTATION_POINTS, seconds(annotation.get("step") or "60s"))
            expr = replaced(expr, variables, every, span)
            yield Query(f"annotation {annotation['name']}", "", expr, aligned(end, span, every), False)


def pixels(columns: int) -> int:
    """The width of a panel: Grafana asks for a point per pixel."""
    return round((GRID_PIXELS - GAP_PIXELS * (COLUMNS - 1)) / COLUMNS * columns + GAP_PIXELS * (columns - 1))


def interval(span: float, points: int, shortest: float) -> int:
    """`$__interval`, which is also the step, in seconds."""
    exact = span / points
    chosen = shortest if exact < shortest else rounded(exact)
    return int(max(chosen, rounded(span / MOST_POINTS)))


def rounded(exact: float) -> int:
    """A length in seconds, rounded as Grafana does from one second upwards."""
    limits = list(_ROUNDED)
    return _ROUNDED[limits[bisect_right(limits, exact) - 1]]


def aligned(end: int, span: int, step: int) -> range:
    """The times of a range query: from start to end, both rounded down to a multiple of the step."""
    return range((end - span) // step * step, end // step * step + 1, step)


def replaced(expr: str, variables: Mapping[str, str], every: int, span: int) -> str:
    """An expression with the dashboard's and Grafana's own variables replaced."""
    known = {
        **variables,
        "__interval": f"{every}s",
        "__rate_interval": f"{max(every + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)}s",
        "__range": f"{span}s",
    }
    return _VARIABLE.sub(lambda match: known[next(filter(None, match.groups()))], expr)


def chosen(
    dashboard: Mapping[str, Any], values: Callable[[str, str], list[str]], wanted: Mapping[str, str]
) -> dict[str, str]:
    """The variables of a dashboard as it opens, in the form that PromQL needs.

    `values` gives the values of a label in the series of a selector; `wanted` are the values that a reader
    chose. Without one it is the first, or all of them where the dashboard allows that.
    """
    found = {}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if variable["type"] != "query":
            found[name] = name
            continue
        asked = _LABEL_VALUES.fullmatch(
            _VARIABLE.sub(lambda m: found[m[1] or m[2]], variable["query"]["query"])
        )
        if asked is None:
            raise ValueError(f"{name}: only label_values(selector, label) is known")
        known = values(asked["selector"], asked["label"])
        if not known:
            raise ValueError(f"{name}: {asked['selector']} has no series with the label {asked['label']}")
        if variable.get("includeAll"):
            found[name] = f"({'|'.join(known)})"
        else:
            found[name] = wanted[name] if wanted.get(name) in known else known[0]
    return found
