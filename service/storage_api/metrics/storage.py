"""Metrics of the store: what it is asked and how that ends, how long it takes, and what it holds."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import BinaryIO, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge

from ..stores.base import (
    DEFAULT_CONTENT_TYPE,
    Condition,
    Object,
    Page,
    PreconditionFailed,
    Select,
    Store,
    Stored,
    StoreFull,
    Usage,
)
from .histograms import Histogram

OUTCOMES = {
    "put": ("success", "refused", "full", "error"),
    "get": ("success", "missing", "error"),
    "head": ("success", "missing", "error"),
    "delete": ("success", "missing", "refused", "error"),
    "list": ("success", "error"),
}
"""{operation: how it can end}. refused: the condition of a change was not met; full: there is no room.

error: whatever else was raised.
"""
BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)
"""Seconds; from a file that the system has in memory to a bucket far away."""

Result = TypeVar("Result")


class MeasuredStore(Store):
    """`store`, with each of its operations counted and timed in `registry`; `backend` is its kind.

    `tell` hears of each as well: the backend, the operation, its outcome and how many seconds it took.
    A `get` takes until the body can be read, not until it has been.
    """

    def __init__(
        self,
        store: Store,
        backend: str,
        registry: CollectorRegistry,
        tell: Callable[[str, str, str, float], None] | None = None,
    ) -> None:
        self._store = store
        self._backend = backend
        self._tell = tell
        operations = Counter(
            "storage_operations",
            "Operations of the store, by how they ended.",
            ("operation", "outcome"),
            registry=registry,
        )
        durations = Histogram(
            "storage_operation_duration_seconds",
            "Time that the store took for an operation, however it ended.",
            "seconds",
            labels=("backend", "operation"),
            bounds=BOUNDS,
            label_sets=[(backend, operation) for operation in OUTCOMES],
        )
        registry.register(durations)
        self._count = {
            operation: {outcome: operations.labels(operation, outcome).inc for outcome in outcomes}
            for operation, outcomes in OUTCOMES.items()
        }
        self._observe = {
            operation: distribution.observe
            for (_, operation), distribution in durations.distributions.items()
        }
        if store.usage() is not None:
            objects = Gauge("storage_objects", "Objects in the store.", registry=registry)
            objects.set_function(lambda: store.usage().objects)
            stored = Gauge(
                "storage_stored_bytes", "Bytes of all objects in the store.", unit="bytes", registry=registry
            )
            stored.set_function(lambda: store.usage().bytes)

    def put(
        self,
        id: str,
        body: BinaryIO,
        *,
        content_type: str = DEFAULT_CONTENT_TYPE,
        condition: Condition | None = None,
    ) -> str:
        return self._measured(
            "put", lambda: self._store.put(id, body, content_type=content_type, condition=condition)
        )

    def get(self, id: str, select: Select | None = None) -> Stored | None:
        return self._measured("get", lambda: self._store.get(id, select))

    def head(self, id: str) -> Object | None:
        return self._measured("head", lambda: self._store.head(id))

    def delete(self, id: str, condition: Condition | None = None) -> bool:
        return self._measured("delete", lambda: self._store.delete(id, condition))

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page:
        return self._measured("list", lambda: self._store.list(prefix, limit, after))

    def usage(self) -> Usage | None:
        return self._store.usage()

    def spool(self) -> BinaryIO:
        return self._store.spool()

    def check(self) -> None:
        self._store.check()

    def close(self) -> None:
        self._store.close()

    def _measured(self, operation: str, run: Callable[[], Result]) -> Result:
        outcome = "error"
        started = perf_counter()
        try:
            result = run()
            outcome = "missing" if result is None or result is False else "success"
        except PreconditionFailed:
            outcome = "refused"
            raise
        except StoreFull:
            outcome = "full"
            raise
        finally:
            seconds = perf_counter() - started
            self._observe[operation](seconds)
            count = self._count[operation]
            count.get(outcome, count["error"])()
            if self._tell:
                self._tell(self._backend, operation, outcome, seconds)
        return result
