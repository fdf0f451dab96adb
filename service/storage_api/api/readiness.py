"""Readiness of the store: concurrent probes share one check, and none waits long for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

from storage_api.stores import StoreError, StoreFull

FRESH_SECONDS = 1
"""How long the result of a check is reused."""
WAIT_SECONDS = 2
"""How long a probe waits for a running check; less than the timeout of the chart's probes."""

log = logging.getLogger(__name__)


class Readiness:
    """The latest check of a store.

    A disk or a server may never answer, so a check has its own thread, and no other starts while one hangs.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        """`check` raises StoreError if the store is unavailable."""
        self._ask = check
        self._lock = threading.Lock()
        self._latest: _Check | None = None

    def reason(self) -> str | None:
        """The reason why the store is unavailable, or None; takes at most WAIT_SECONDS."""
        with self._lock:
            check = self._latest
            if check is None or check.is_stale():
                check = _Check(self._ask)
                check.start()
                self._latest = check
        return check.wait()


class _Check(threading.Thread):
    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__(name="readiness", daemon=True)  # A hanging check must not delay the exit.
        self._ask = ask
        self._began = monotonic()
        self._ended: float | None = None
        self._reason: str | None = "the store is unavailable"
        self._logged = False

    def run(self) -> None:
        try:
            self._ask()
            self._reason = None
        except StoreError as error:
            if isinstance(error, StoreFull):
                self._reason = "the disk is full"
            # Details go to the log only: probes need no token.
            log.warning("not ready", extra={"fields": {"reason": str(error)}})
        except Exception:
            log.exception("the check of the store failed")
        finally:
            self._ended = monotonic()

    def is_stale(self) -> bool:
        return self._ended is not None and monotonic() - self._ended > FRESH_SECONDS

    def wait(self) -> str | None:
        """The reason that the check found, or that it takes too long."""
        if self._ended is None:
            self.join(max(0.0, self._began + WAIT_SECONDS - monotonic()))
        if self._ended is not None:
            return self._reason
        if not self._logged:
            self._logged = True
            fields = {"reason": f"the store has not answered its check for {WAIT_SECONDS} s"}
            log.warning("not ready", extra={"fields": fields})
        return "the store does not answer"
