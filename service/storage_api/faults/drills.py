"""Drills: make the API fail on purpose. Probes, metrics and /faults itself are not affected."""

from __future__ import annotations

import itertools
import logging
import threading
from dataclasses import asdict
from time import monotonic
from typing import Any, BinaryIO, Protocol

from flask import Flask, abort, request
from prometheus_client import CollectorRegistry, Gauge

from storage_api.stores.base import Condition, Object, Page, Select, Store, Stored, StoreError, StoreFull
from storage_api.stores.delegating import DelegatingStore
from storage_api.telemetry.metrics.labels import TIMED

from . import Fault

REASON = "fault injected at /faults"
"""The reason given for injected failures, in responses and in the log."""

# The fractional parts of n * the golden ratio (in 64 bits) are spread evenly from the first few on, with no
# period, so which requests fail does not depend on a client's pattern, such as PUT, GET, DELETE in turn.
_GOLDEN = 0x9E3779B97F4A7C15
_WHOLE = 2**64
_NONE = Fault()

log = logging.getLogger(__name__)


class Pool(Protocol):
    """Threads that run tasks, such as waitress' dispatcher."""

    def add_task(self, task: Any) -> None: ...


class Drill:
    """A fault from its start to its end: by `end()`, or after its `for_seconds`.

    It is also a task: added to a pool, it keeps one of the threads busy until it ends.
    """

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._until = None if fault.for_seconds is None else monotonic() + fault.for_seconds
        self._ended = threading.Event()
        self._requests = itertools.count(1)

    @property
    def remaining_seconds(self) -> float | None:
        """Time until it ends by itself; None if it does not."""
        return None if self._until is None else max(0.0, self._until - monotonic())

    @property
    def fault(self) -> Fault:
        """The fault that is active now; one that does nothing after the end."""
        return _NONE if self._ended.is_set() or self.remaining_seconds == 0 else self._fault

    def strikes(self) -> bool:
        """True if the next request must fail: of the first n <= 300,000 requests, n * error_ratio do, +-4."""
        return next(self._requests) * _GOLDEN % _WHOLE < self.fault.error_ratio * _WHOLE

    def wait(self, seconds: float | None = None) -> None:
        """Wait `seconds` (default: no limit), but not past the end of the drill."""
        limits = [limit for limit in (seconds, self.remaining_seconds) if limit is not None]
        self._ended.wait(min(limits, default=None))

    def end(self) -> None:
        """End the drill, and every wait in it."""
        self._ended.set()

    def service(self) -> None:
        """Keep the calling thread busy until the drill ends."""
        self.wait()

    def cancel(self) -> None:
        """Called instead of `service` when the pool shuts down first; nothing to do."""


class Drills:
    """The drills on one API; at most one is active."""

    def __init__(self, threads: int, registry: CollectorRegistry, pool: Pool | None = None) -> None:
        """The API has so many `threads`, which are those of `pool`; `registry` shows what goes wrong."""
        self.threads = threads
        self._pool = pool
        self.current = Drill(_NONE)
        self._lock = threading.Lock()
        gauge = Gauge(
            "storage_fault_active",
            "1 while a fault of this kind, set at /faults, is active, else 0.",
            ("fault",),
            registry=registry,
        )
        for name in _NONE.active:
            gauge.labels(name).set_function(lambda name=name: self.current.fault.active[name])

    def begin(self, fault: Fault) -> None:
        """Begin a drill; ends the active one."""
        with self._lock:
            self.current.end()
            self.current = Drill(fault)
            if self._pool:
                for _ in range(fault.threads):
                    self._pool.add_task(self.current)
        log.warning("a drill begins", extra={"fields": asdict(fault)})

    def end(self) -> None:
        """End the active drill, if any."""
        with self._lock:
            if self.current.fault != _NONE:
                log.warning("the drill ends")
            self.current.end()

    def install(self, app: Flask) -> None:
        """Delay and fail requests of `app`'s API routes as the active drill says."""

        @app.before_request
        def strike() -> None:
            rule = request.url_rule
            if rule is None or rule.rule not in TIMED or request.method == "OPTIONS":
                return
            drill = self.current
            fault = drill.fault
            drill.wait(fault.latency_seconds)
            if drill.strikes():
                abort(fault.error_status, REASON)


class FaultyStore(DelegatingStore):
    """Fails as the current drill says. Probes and metrics (`check`, `usage`) see the store as it is."""

    def __init__(self, store: Store, drills: Drills) -> None:
        super().__init__(store)
        self._drills = drills

    def put(self, id: str, body: BinaryIO, **options: Any) -> str:
        self._strike(writes=True)
        return super().put(id, body, **options)

    def get(self, id: str, select: Select | None = None) -> Stored | None:
        self._strike()
        return super().get(id, select)

    def head(self, id: str) -> Object | None:
        self._strike()
        return super().head(id)

    def delete(self, id: str, condition: Condition | None = None) -> bool:
        self._strike()
        return super().delete(id, condition)

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page:
        self._strike()
        return super().list(prefix, limit, after)

    def spool(self) -> BinaryIO:
        self._strike(writes=True)
        return super().spool()

    def _strike(self, writes: bool = False) -> None:
        """Raise StoreError if the drill makes the store unavailable, StoreFull if it is to have no room."""
        fault = self._drills.current.fault.store
        if fault == "refuse":
            raise StoreError(REASON)
        if fault == "full" and writes:
            raise StoreFull(REASON)
