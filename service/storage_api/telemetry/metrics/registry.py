"""The registry of metrics, which a scrape exposes."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.metrics_core import Metric

# `_created` samples: one more series for each counter and histogram, which no query of ours reads.
disable_created_metrics()


class Registry(CollectorRegistry):
    """A registry without the families whose names are in `disabled` (names without `_total` and `_info`)."""

    def __init__(self, disabled: Collection[str] = ()) -> None:
        super().__init__()
        self.disabled = frozenset(disabled)

    def collect(self) -> Iterator[Metric]:
        return (family for family in super().collect() if family.name not in self.disabled)
