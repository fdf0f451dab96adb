"""The samples that a query touches, calculated: what Prometheus reports as `totalQueryableSamples`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from bench.dashboards.promql import Selector, matches, parse

LOOKBACK_SECONDS = 300
"""How long a sample counts as current."""

Labels = dict[str, str]
"""The labels of a series, with `__name__`."""


class Samples:
    """Series with a sample at each multiple of their interval, from `begin` to `end`."""

    def __init__(
        self,
        series: Iterable[Labels],
        every: Mapping[str, int],
        begin: int,
        end: int,
    ) -> None:
        """`every` has the interval of each name in seconds, under "" that of all others."""
        self._series: dict[str, list[Labels]] = {}
        for labels in series:
            self._series.setdefault(labels["__name__"], []).append(labels)
        self.every, self.begin, self.end = every, begin, end
        self._found: dict[str, list[Labels]] = {}
        self._counted: dict[tuple, int] = {}

    def __iter__(self) -> Iterator[Labels]:
        return itertools.chain.from_iterable(self._series.values())

    def touched(self, found: Mapping[Selector, int], times: range) -> int:
        """The samples that an expression with these selectors touches when it is evaluated at these times."""
        return sum(
            number * len(self.selected(one.series)) * self._per_series(one, times)
            for one, number in found.items()
        )

    def selected(self, series: str) -> list[Labels]:
        """The series with this name and these matchers."""
        if series not in self._found:
            node = parse(series)
            self._found[series] = [
                labels
                for labels in self._series.get(node.name, [])
                if all(matches(one, labels.get(one.name, "")) for one in node.matchers.matchers)
            ]
        return self._found[series]

    def values(self, series: str, label: str) -> list[str]:
        """The sorted values of a label in the series with this name and these matchers: `label_values`."""
        return sorted({one[label] for one in self.selected(series) if label in one})

    def _per_series(self, one: Selector, times: range) -> int:
        """Samples of one series at all times. A window excludes its start."""
        every = self.every.get(one.series.partition("{")[0], self.every[""])
        key = (one[1:], every, times)
        if key not in self._counted:
            # With @, Prometheus evaluates once, but counts the samples for each step.
            fixed = {"start": times[0], "end": times[-1]}.get(str(one.at), one.at)
            self._counted[key] = sum(
                self._at(time if fixed == "" else int(fixed), one, every) for time in times
            )
        return self._counted[key]

    def _at(self, time: int, one: Selector, every: int) -> int:
        last = time - one.offset
        first = max(last - (one.window or LOOKBACK_SECONDS), self.begin - 1)
        found = max(0, min(last, self.end) // every - first // every)
        return found if one.window else min(found, 1)
