"""The samples that a query touches, calculated: what Prometheus reports as `totalQueryableSamples`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import promql_parser as promql

from bench.dashboards.raw import matches, nodes

LOOKBACK_SECONDS = 300
"""How long a sample counts as current."""

Labels = dict[str, str]
"""The labels of a series, with `__name__`."""


class Selected(NamedTuple):
    """A selector of an expression, with its range and offset in seconds; the range of a vector is 0."""

    node: Any
    window: int
    offset: int
    at: str
    """`start` or `end` of the query if the selector has that modifier."""


class Samples:
    """Series with a sample at each multiple of their interval, from `begin` to `end` or at all times."""

    def __init__(
        self,
        series: Iterable[Labels],
        every: Mapping[str, int],
        begin: int | None = None,
        end: int | None = None,
    ) -> None:
        """`every` has the interval of each name in seconds, under "" that of all others."""
        self._series: dict[str, list[Labels]] = {}
        for labels in series:
            self._series.setdefault(labels["__name__"], []).append(labels)
        self._every = every
        self._begin, self._end = begin, end
        self._found: dict[str, list[Labels]] = {}

    def touched(self, expr: str, times: range) -> int:
        """The samples that a query touches when it is evaluated at these times."""
        return sum(len(self.selected(one.node)) * self._per_series(one, times) for one in selectors(expr))

    def selected(self, selector: Any) -> list[Labels]:
        """The series that a selector matches."""
        key = f"{selector.name}{selector.matchers}"
        if key not in self._found:
            self._found[key] = [
                labels
                for labels in self._series.get(selector.name, [])
                if all(matches(one, labels.get(one.name, "")) for one in selector.matchers.matchers)
            ]
        return self._found[key]

    def values(self, selector: str, label: str) -> list[str]:
        """The sorted values of a label in the series that a selector matches, as `label_values` has them."""
        return sorted({one[label] for one in self.selected(promql.parse(selector)) if label in one})

    def _per_series(self, selected: Selected, times: range) -> int:
        """Samples of one series at all times. A window excludes its start."""
        every = self._every.get(selected.node.name, self._every[""])
        counts = 0
        for time in times:
            # With @, Prometheus evaluates once, but counts the samples for each step.
            moment = {"": time, "start": times[0], "end": times[-1]}[selected.at]
            last = moment - selected.offset
            first = last - (selected.window or LOOKBACK_SECONDS)
            if self._begin is not None:
                first = max(first, self._begin - 1)
            if self._end is not None:
                last = min(last, self._end)
            found = max(0, last // every - first // every)
            counts += found if selected.window else min(found, 1)
        return counts


def selectors(expr: str) -> Iterator[Selected]:
    """Every selector of an expression. Raises ValueError for a subquery, which this can't count."""
    window = 0
    for node in nodes(promql.parse(expr)):
        match type(node).__name__:
            case "SubqueryExpr":
                raise ValueError(f"{expr}: the samples of a subquery are not calculated")
            case "MatrixSelector":  # comes right before the selector inside it
                window = int(node.range.total_seconds())
            case "VectorSelector":
                offset = int(node.offset.total_seconds()) if node.offset else 0
                at = re.sub(r"\W", "", str(node.at)) if node.at else ""
                yield Selected(node, window, offset, at)
                window = 0
