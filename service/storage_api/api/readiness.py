"""Whether the store can serve: checked once for all who ask at the same time; nobody waits long for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

from storage_api.stores import StoreError, StoreFull

FRESH_SECONDS = 1
"""How long what a check found is answered to those who ask."""
WAIT_SECONDS = 2
"""How long they wait for a check that is under way; less than the chart's probes wait for an answer."""

log = logging.getLogger(__name__)


class Readiness:
    """What the last check of a store found.

    A disk or a server may never answer. So the check has a thread of its own, and while one hangs there is no
    other.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        """`check` raises StoreError where the store cannot serve."""
        self._ask = check
        self._lock = threading.Lock()
        self._latest: _Check | None = None

    def reason(self) -> str | None:
        """Why the store cannot serve, None: it can. Takes at most WAIT_SECONDS."""
        with self._lock:
            check = self._latest
            if check is None or check.is_stale():
                check = _Check(self._ask)
                check.start()
                self._latest = check
        return check.wait()


class _Check(threading.Thread):
    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__(name="readiness", daemon=True)  # Not waited for when the process ends.
        self._ask = ask
        self._began = monotonic()
        self._ended: float | None = None
        self._reason: str | None = "the store is out of order"
        self._told = False

    def run(self) -> None:
        try:
            self._ask()
            self._reason = None
        except StoreError as error:
            if isinstance(error, StoreFull):
                self._reason = "the disk is full"
            # The details are for the log: a probe may be answered to strangers.
            log.warning("not ready", extra={"fields": {"reason": str(error)}})
        except Exception:
            log.exception("the check of the store failed")
        finally:
            self._ended = monotonic()

    def is_stale(self) -> bool:
        return self._ended is not None and monotonic() - self._ended > FRESH_SECONDS

    def wait(self) -> str | None:
        """What it finds, or that it takes too long."""
        if self._ended is None:
            self.join(max(0.0, self._began + WAIT_SECONDS - monotonic()))
        if self._ended is not None:
            return self._reason
        if not self._told:
            self._told = True
            fields = {"reason": f"the store has not answered its check for {WAIT_SECONDS} s"}
            log.warning("not ready", extra={"fields": fields})
        return "the store does not answer"
