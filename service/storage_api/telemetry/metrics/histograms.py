"""Histograms that are cheap to observe and consistent: buckets and sum are of the same observations.

prometheus-client takes two locks for each observation, and a scrape between the two sees the bucket without
the sum. Here observations are queued, and counted together when MOST_QUEUED wait or a scrape comes.
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

MOST_QUEUED = 100
"""How many observations are queued before they are counted."""


class Snapshot(NamedTuple):
    """A distribution at one moment.

    buckets: (bound, number of values up to it, exemplar) for each bucket, in ascending order
    sum: of all values
    """

    buckets: list[tuple[str, int, Exemplar | None]]
    sum: float

    @property
    def count(self) -> int:
        """The number of values."""
        return self.buckets[-1][1]


class Distribution:
    """Counts values by bucket, and sums them up."""

    __slots__ = ("_bounds", "_counts", "_exemplars", "_lock", "_queued", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds`: upper bounds of the buckets, ascending, without +Inf."""
        self._bounds = (*bounds, INF)
        self._counts = [0] * len(self._bounds)
        self._exemplars: list[Exemplar | None] = [None] * len(self._bounds)
        self._sum = 0.0
        self._queued: deque[float] = deque()
        self._lock = threading.Lock()

    def observe(self, value: float, trace_id: str | None = None) -> None:
        """Count `value`; with a `trace_id` it becomes the exemplar of its bucket."""
        queued = self._queued
        queued.append(value)
        if trace_id is not None:
            bucket = bisect_left(self._bounds, value)
            self._exemplars[bucket] = Exemplar({"trace_id": trace_id}, value, time())
        if len(queued) >= MOST_QUEUED:
            with self._lock:
                self._count()

    def snapshot(self) -> Snapshot:
        """The distribution of all values observed so far."""
        with self._lock:
            self._count()
            counts, exemplars, total = list(self._counts), list(self._exemplars), self._sum
        bounds = map(floatToGoString, self._bounds)
        return Snapshot(list(zip(bounds, accumulate(counts), exemplars, strict=True)), total)

    def _count(self) -> None:
        # Only the holder of the lock removes values, so there are at least as many.
        for _ in range(len(self._queued)):
            value = self._queued.popleft()
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The sum of `snapshots`, which must have the same bounds; without exemplars."""
    found = list(snapshots)
    buckets = [
        (same[0][0], sum(count for _, count, _ in same), None)
        for same in zip(*(snapshot.buckets for snapshot in found), strict=True)
    ]
    return Snapshot(buckets, sum(snapshot.sum for snapshot in found))


def family(name: str, documentation: str, unit: str, snapshots: Iterable[tuple[Labels, Snapshot]]) -> Metric:
    """The metric family of a histogram `name`, from each label set's snapshot."""
    found = Metric(name, documentation, "histogram", unit)
    for labels, (buckets, total) in snapshots:
        for bound, count, exemplar in buckets:
            found.samples.append(Sample(f"{name}_bucket", labels | {"le": bound}, count, None, exemplar))
        found.samples.append(Sample(f"{name}_count", labels, buckets[-1][1]))
        found.samples.append(Sample(f"{name}_sum", labels, total))
    return found


class Histogram(Collector):
    """A histogram whose label sets are known from the start."""

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
        """labels: label names; bounds: as for Distribution; label_sets: the values of each label set."""
        self._about = (name, documentation, unit)
        self._labels = labels
        self.distributions = {values: Distribution(bounds) for values in label_sets}

    def collect(self) -> list[Metric]:
        named = [
            (dict(zip(self._labels, values, strict=True)), distribution.snapshot())
            for values, distribution in self.distributions.items()
        ]
        return [family(*self._about, named)]
