"""Metrics of the store: operations by outcome, their duration, and what it holds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, BinaryIO, TypeVar

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from storage_api.stores.base import (
    Condition,
    Object,
    Page,
    PreconditionFailed,
    Select,
    Store,
    Stored,
    StoreFull,
)
from storage_api.stores.delegating import DelegatingStore

from .histograms import Distribution, family, merged

OUTCOMES = {
    "put": ("success", "refused", "full", "error"),
    "get": ("success", "missing", "error"),
    "head": ("success", "missing", "error"),
    "delete": ("success", "missing", "refused", "error"),
    "list": ("success", "error"),
}
"""{operation: its outcomes}. missing: no such object; refused: the condition of a change was not met.

full: no space is left; error: any other exception.
"""
BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)
"""Seconds: from a file in the page cache to a bucket in a distant region."""

Result = TypeVar("Result")


class _Operations(Collector):
    """Durations and counts of a store's operations."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self.durations = {
            operation: {outcome: Distribution(BOUNDS) for outcome in outcomes}
            for operation, outcomes in OUTCOMES.items()
        }

    def collect(self) -> list[Metric]:
        counts = Metric("storage_operations", "Operations of the store by outcome.", "counter")
        together = []
        for operation, outcomes in self.durations.items():
            found = {outcome: durations.snapshot() for outcome, durations in outcomes.items()}
            for outcome, snapshot in found.items():
                labels = {"operation": operation, "outcome": outcome}
                counts.add_sample("storage_operations_total", labels, snapshot.count)
            together.append(({"backend": self._backend, "operation": operation}, merged(found.values())))
        about = "Duration of operations of the store, whatever their outcome."
        return [counts, family("storage_operation_duration_seconds", about, "seconds", together)]


class MeasuredStore(DelegatingStore):
    """Counts and times each operation of a store.

    The duration of a `get` ends when the body can be read, not when it has been read.
    """

    def __init__(
        self,
        store: Store,
        backend: str,
        registry: CollectorRegistry,
        on_operation: Callable[[str, str, str, float], None] | None = None,
    ) -> None:
        """Measure `store` in `registry`.

        backend: value of the label `backend`, such as "s3"
        on_operation: called at the end of each operation: (backend, operation, outcome, seconds)
        """
        super().__init__(store)
        self._backend = backend
        self._on_operation = on_operation
        operations = _Operations(backend)
        registry.register(operations)
        self._observe = {
            operation: {outcome: duration.observe for outcome, duration in outcomes.items()}
            for operation, outcomes in operations.durations.items()
        }
        if store.usage() is not None:
            objects = Gauge("storage_objects", "Objects in the store.", registry=registry)
            objects.set_function(lambda: store.usage().objects)
            stored = Gauge(
                "storage_stored_bytes",
                "Total size of the objects in the store.",
                unit="bytes",
                registry=registry,
            )
            stored.set_function(lambda: store.usage().bytes)

    def put(self, id: str, body: BinaryIO, **options: Any) -> str:
        return self._measured("put", partial(self._store.put, **options), id, body)

    def get(self, id: str, select: Select | None = None) -> Stored | None:
        return self._measured("get", self._store.get, id, select)

    def head(self, id: str) -> Object | None:
        return self._measured("head", self._store.head, id)

    def delete(self, id: str, condition: Condition | None = None) -> bool:
        return self._measured("delete", self._store.delete, id, condition)

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page:
        return self._measured("list", self._store.list, prefix, limit, after)

    def _measured(self, operation: str, run: Callable[..., Result], *arguments: Any) -> Result:
        outcome = "error"
        started = perf_counter()
        try:
            result = run(*arguments)
            outcome = "missing" if result is None or result is False else "success"
        except PreconditionFailed:
            outcome = "refused"
            raise
        except StoreFull:
            outcome = "full"
            raise
        finally:
            seconds = perf_counter() - started
            observe = self._observe[operation]
            observe.get(outcome, observe["error"])(seconds)
            if self._on_operation:
                self._on_operation(self._backend, operation, outcome, seconds)
        return result
