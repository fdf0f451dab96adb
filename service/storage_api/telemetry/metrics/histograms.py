"""Histograms that cost little to observe, and whose buckets and sum are of the same observations.

The client library's take two locks for each observation, and between the two a scrape sees the bucket without
the sum. Here an observation is only noted; it is counted with others, when there are some or somebody looks.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate
from time import time
from typing import NamedTuple

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import INF, floatToGoString

Labels = dict[str, str]

MOST_NOTED = 100
"""How many observations are noted before they are counted."""


class Snapshot(NamedTuple):
    """A distribution: of each bucket its bound, how many values are up to it and an exemplar; and the sum."""

    buckets: list[tuple[str, int, Exemplar | None]]
    sum: float

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.buckets[-1][1]


class Distribution:
    """How many of the values were up to each of some bounds, and the sum of all."""

    __slots__ = ("_bounds", "_counts", "_exemplars", "_lock", "_noted", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Count values up to each of `bounds`, which ascend, and beyond."""
        self._bounds = (*bounds, INF)
        self._counts = [0] * len(self._bounds)
        self._exemplars: list[Exemplar | None] = [None] * len(self._bounds)
        self._sum = 0.0
        self._noted: deque[float] = deque()
        self._lock = threading.Lock()

    def observe(self, value: float, trace_id: str | None = None) -> None:
        """Count `value`; with a `trace_id` it is the exemplar of its bucket."""
        noted = self._noted
        noted.append(value)
        if trace_id is not None:
            bucket = bisect_left(self._bounds, value)
            self._exemplars[bucket] = Exemplar({"trace_id": trace_id}, value, time())
        if len(noted) >= MOST_NOTED:
            with self._lock:
                self._count()

    def snapshot(self) -> Snapshot:
        """What has been observed so far."""
        with self._lock:
            self._count()
            counts, exemplars, total = list(self._counts), list(self._exemplars), self._sum
        bounds = map(floatToGoString, self._bounds)
        return Snapshot(list(zip(bounds, accumulate(counts), exemplars, strict=True)), total)

    def _count(self) -> None:
        # Who holds the lock is the only one to take any away: there are as many, or more by now.
        for _ in range(len(self._noted)):
            value = self._noted.popleft()
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The snapshot of what `snapshots`, of distributions with the same bounds, are of together."""
    found = list(snapshots)
    buckets = [
        (same[0][0], sum(count for _, count, _ in same), None)
        for same in zip(*(snapshot.buckets for snapshot in found), strict=True)
    ]
    return Snapshot(buckets, sum(snapshot.sum for snapshot in found))


def family(name: str, documentation: str, unit: str, snapshots: Iterable[tuple[Labels, Snapshot]]) -> Metric:
    """The histogram `name` that has `snapshots`, each under its labels."""
    found = Metric(name, documentation, "histogram", unit)
    for labels, (buckets, total) in snapshots:
        for bound, count, exemplar in buckets:
            found.samples.append(Sample(f"{name}_bucket", labels | {"le": bound}, count, None, exemplar))
        found.samples.append(Sample(f"{name}_count", labels, buckets[-1][1]))
        found.samples.append(Sample(f"{name}_sum", labels, total))
    return found


class Histogram(Collector):
    """The histogram `name`, with a distribution for each of its label sets from the start."""

    def __init__(
        self,
        name: str,
        documentation: str,
        unit: str,
        *,
        labels: Sequence[str],
        bounds: Sequence[float],
        label_sets: Iterable[tuple[str, ...]],
    ) -> None:
        """`labels` are the names of labels, `label_sets` their values."""
        self._about = (name, documentation, unit)
        self._labels = labels
        self.distributions = {values: Distribution(bounds) for values in label_sets}

    def collect(self) -> list[Metric]:
        named = [
            (dict(zip(self._labels, values, strict=True)), distribution.snapshot())
            for values, distribution in self.distributions.items()
        ]
        return [family(*self._about, named)]
