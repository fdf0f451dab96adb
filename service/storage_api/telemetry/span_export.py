"""The queue of spans that wait to be sent, and their sending by OTLP: what is lost is counted and logged."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from storage_api.config.otlp import ENDPOINTS

REPORT_SECONDS = 10
"""How often the log tells at most of a queue that was full, while spans are taken."""

log = logging.getLogger(__name__)


class Losses:
    """Counts spans that did not reach the collector."""

    def __init__(self) -> None:
        self.on_loss: Callable[[int], None] = lambda _spans: None
        """Called with the number of those that were lost; on any thread."""
        self._lock = threading.Lock()
        self._untold = 0

    def add(self, spans: int) -> None:
        """So many more are lost."""
        with self._lock:
            self._untold += spans
        self.on_loss(spans)

    def take(self) -> int:
        """How many were lost since the last call."""
        with self._lock:
            untold, self._untold = self._untold, 0
        return untold


class SpanQueue(BatchSpanProcessor):
    """OpenTelemetry's queue, which drops the oldest span for each that it has no room for.

    Raises ValueError for OTEL_BSP_* that contradict each other.
    """

    def __init__(self) -> None:
        self.losses = Losses()
        self._exporter = _Exporter(self.losses)
        # It warns that spans are dropped, but not how many, and at most every 20 s.
        logging.getLogger("opentelemetry.sdk._shared_internal").setLevel(logging.ERROR)
        super().__init__(self._exporter)
        # The SDK's own count of what it drops goes to its metrics alone.
        self._waiting = self._batch_processor._queue

    def on_end(self, span: ReadableSpan) -> None:
        if len(self._waiting) == self._waiting.maxlen and span.context.trace_flags.sampled:
            self.losses.add(1)
        super().on_end(span)

    def close(self, seconds: float) -> None:
        """Send what waits, if that can be done within so many `seconds`, and log how many spans are lost."""
        reason = f"{_endpoint()} did not take them"
        # Else the sending would be tried again and again.
        if not self._exporter.failing:
            # The SDK waits for its exporter, which has a limit of its own.
            closing = threading.Thread(target=self.shutdown, name="last-spans", daemon=True)
            closing.start()
            closing.join(seconds)
            if closing.is_alive():
                reason = "they could not be sent within SHUTDOWN_TIMEOUT_SECONDS"
        if waiting := len(self._waiting) + self._exporter.sending:
            self.losses.add(waiting)
        if lost := self.losses.take():
            log.warning("%d spans are lost: %s", lost, reason)


class _Exporter(SpanExporter):
    """The OTLP exporter, which tells of an outage twice: when spans are lost, and when they no longer are."""

    def __init__(self, losses: Losses) -> None:
        self._exporter = trace_exporter.OTLPSpanExporter()
        self.failing = False
        self.sending = 0
        """How many spans are being sent."""
        self._losses = losses
        self._why = ""
        self._told = -float(REPORT_SECONDS)
        logging.getLogger(trace_exporter.__name__).addFilter(self._keep)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._why, self.sending = "", len(spans)
        try:
            result = self._exporter.export(spans)
            failing = result is not SpanExportResult.SUCCESS
            if failing:
                self._losses.add(len(spans))
        finally:
            self.sending = 0
        if failing and not self.failing:
            log.warning("spans are lost until %s takes them: %s", _endpoint(), self._why)
        elif self.failing and not failing:
            log.warning("spans are taken again: %d are lost", self._losses.take())
        elif not failing and monotonic() - self._told >= REPORT_SECONDS and (lost := self._losses.take()):
            # The collector may have been away for less time than it is waited for.
            self._told = monotonic()
            log.warning("%d spans are lost: the queue was full, as %s was away or slow", lost, _endpoint())
        self.failing = failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def _keep(self, record: logging.LogRecord) -> bool:
        """Of what is said of each try keep the first, which says what is wrong."""
        # The address of a proxy may hold its password.
        self._why = self._why or re.sub(r"//[^/\s@]*@", "//***@", record.getMessage())
        return False


def _endpoint() -> str:
    """Where spans are sent, as OpenTelemetry's variables say it."""
    named = (os.environ.get(name) for name in ENDPOINTS)
    return next(filter(None, named), trace_exporter.DEFAULT_ENDPOINT)
