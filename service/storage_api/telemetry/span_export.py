"""The queue of ended spans and their export by OTLP; lost spans are counted and logged."""

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
"""Least time between two warnings that the queue was full, while the collector accepts spans."""

log = logging.getLogger(__name__)


class Losses:
    """Counts spans that did not reach the collector."""

    def __init__(self) -> None:
        self.on_loss: Callable[[int], None] = lambda _spans: None
        """Called with the number of spans whenever some are lost; on any thread."""
        self._lock = threading.Lock()
        self._unreported = 0

    def add(self, spans: int) -> None:
        """Count so many more lost `spans`."""
        with self._lock:
            self._unreported += spans
        self.on_loss(spans)

    def take(self) -> int:
        """The number of spans lost since the last call."""
        with self._lock:
            unreported, self._unreported = self._unreported, 0
        return unreported


class SpanQueue(BatchSpanProcessor):
    """OpenTelemetry's queue; when it is full, each new span replaces the oldest.

    Raises ValueError if OTEL_BSP_* contradict each other.
    """

    def __init__(self) -> None:
        self.losses = Losses()
        self._exporter = _Exporter(self.losses)
        # The SDK warns that spans are dropped, at most every 20 s, but not how many.
        logging.getLogger("opentelemetry.sdk._shared_internal").setLevel(logging.ERROR)
        super().__init__(self._exporter)
        # Private: the SDK reports the number of dropped spans only by its own metrics.
        self._waiting = self._batch_processor._queue

    def on_end(self, span: ReadableSpan) -> None:
        if len(self._waiting) == self._waiting.maxlen and span.context.trace_flags.sampled:
            self.losses.add(1)
        super().on_end(span)

    def close(self, seconds: float) -> None:
        """Export the waiting spans within at most so many `seconds`, and log how many are lost."""
        reason = f"{_endpoint()} did not accept them"
        # While exports fail, the exporter would only retry until the time is up.
        if not self._exporter.failing:
            # On a thread of its own: the SDK waits for its exporter, which has another timeout.
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
    """The OTLP exporter. Logs an outage of the collector twice: when it begins and when it ends."""

    def __init__(self, losses: Losses) -> None:
        self._exporter = trace_exporter.OTLPSpanExporter()
        self.failing = False
        self.sending = 0
        """The number of spans being exported now."""
        self._losses = losses
        self._cause = ""
        self._reported = -float(REPORT_SECONDS)
        logging.getLogger(trace_exporter.__name__).addFilter(self._keep)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._cause, self.sending = "", len(spans)
        try:
            result = self._exporter.export(spans)
            failing = result is not SpanExportResult.SUCCESS
            if failing:
                self._losses.add(len(spans))
        finally:
            self.sending = 0
        if failing and not self.failing:
            log.warning("spans are lost until %s accepts them: %s", _endpoint(), self._cause)
        elif self.failing and not failing:
            log.warning("spans are accepted again: %d were lost", self._losses.take())
        elif not failing and monotonic() - self._reported >= REPORT_SECONDS and (lost := self._losses.take()):
            # No export failed: the outage was shorter than the exporter's retries, or the collector is slow.
            self._reported = monotonic()
            log.warning(
                "%d spans are lost: the queue was full, as %s was unavailable or slow", lost, _endpoint()
            )
        self.failing = failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def _keep(self, record: logging.LogRecord) -> bool:
        """Keep the exporter's first message of an export, which has the cause, and log none of them."""
        # The URL of a proxy may contain its password.
        self._cause = self._cause or re.sub(r"//[^/\s@]*@", "//***@", record.getMessage())
        return False


def _endpoint() -> str:
    """The collector's URL, as OpenTelemetry's variables set it."""
    named = (os.environ.get(name) for name in ENDPOINTS)
    return next(filter(None, named), trace_exporter.DEFAULT_ENDPOINT)
