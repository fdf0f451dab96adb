"""HTTP metrics, all from one observation of each exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from storage_api.routes import LISTING, METHODS, OBJECT, OTHER_METHOD
from storage_api.telemetry.exchange import Exchange

from .histograms import Distribution, Histogram, Labels, family
from .labels import OTHER, TIMED, UNTIMED, LabelSet, fold, label_sets

DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
"""Seconds: as few of OpenTelemetry's bounds for http.server.request.duration as are useful."""
SIZE_BOUNDS = (2**10, 2**16, 2**20, 2**24, 2**30)
"""Bytes: 1 KiB to 1 GiB."""
SCHEME = "http"
"""Value of the label `url_scheme`: the server does not serve HTTPS."""

_SIZED_REQUESTS = (("PUT", OBJECT.path),)
_SIZED_RESPONSES = (("GET", OBJECT.path), ("GET", LISTING.path))


class _Series(NamedTuple):
    """The functions to call for an exchange of one label set; None for each that is not measured."""

    count: Callable[[], None] | None = None
    duration: Callable[[float, str | None], None] | None = None
    request_size: Callable[[float], None] | None = None
    response_size: Callable[[float], None] | None = None


class HttpMetrics(Collector):
    """Observer of exchanges, and collector of their metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register with `registry`, with every series at 0."""
        # Not registered: `collect` exposes the durations under two names, and counts from both.
        self._durations = {labels: Distribution(DURATION_BOUNDS) for labels in label_sets(TIMED)}
        self._counts = Counter(
            "http_request_count", "Responses by route, method and status.", LabelSet._fields, registry=None
        )
        requests, responses = _sizes("request", _SIZED_REQUESTS), _sizes("response", _SIZED_RESPONSES)
        for collector in (self, requests, responses):
            registry.register(collector)

        def observer(sizes: Histogram, labels: LabelSet) -> Callable[[float], None] | None:
            found = sizes.distributions.get((labels.method, labels.path))
            return found and found.observe

        timed = {
            labels: _Series(
                duration=durations.observe,
                request_size=observer(requests, labels),
                response_size=observer(responses, labels),
            )
            for labels, durations in self._durations.items()
        }
        untimed = {
            labels: _Series(count=self._counts.labels(*labels).inc)
            for labels in (*label_sets(UNTIMED), OTHER)
        }
        self._series = timed | untimed

    def __call__(self, exchange: Exchange) -> None:
        count, duration, request_size, response_size = self._series[
            fold(exchange.route, exchange.method, exchange.status)
        ]
        if count:
            count()
        if duration:
            trace = exchange.trace
            duration(exchange.duration_seconds, trace.trace_id if trace and trace.sampled else None)
        if request_size:
            request_size(exchange.request_bytes)
        if response_size:
            response_size(exchange.response_bytes)

    def collect(self) -> Iterator[Metric]:
        """The families of durations and counts, consistent with each other: all from one snapshot."""
        found = [(labels, durations.snapshot()) for labels, durations in self._durations.items()]
        about = "Time from the last byte of the request to the last byte of the response."
        ours = ((labels._asdict(), snapshot) for labels, snapshot in found)
        yield family("http_request_duration_seconds", about, "seconds", ours)
        semantic = ((_semantic(labels), snapshot) for labels, snapshot in found)
        yield family("http_server_request_duration_seconds", about, "seconds", semantic)
        (counts,) = self._counts.collect()
        counts.samples[:0] = [
            Sample("http_request_count_total", labels._asdict(), snapshot.count) for labels, snapshot in found
        ]
        yield counts


class _Active(Collector):
    """The number of requests in flight, without probes and scrapes."""

    def __init__(self, active: Set[Exchange]) -> None:
        self._active = active

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "http_server_active_requests",
            "Requests in flight: read, and the response not yet sent completely; without probes and scrapes.",
            labels=("http_request_method", "url_scheme"),
        )
        methods = [exchange.method for exchange in list(self._active) if _is_timed(exchange)]
        for method in (*sorted(METHODS), OTHER_METHOD):
            gauge.add_metric((method, SCHEME), methods.count(method))
        yield gauge


def watch_active(active: Set[Exchange], registry: CollectorRegistry) -> None:
    """Expose in `registry` how many exchanges are `active`, by method."""
    registry.register(_Active(active))


def _is_timed(exchange: Exchange) -> bool:
    # The exchange has its route only when the response starts; before, Flask's request has it.
    rule = getattr(exchange.environ.get("werkzeug.request"), "url_rule", None)
    return (rule.rule if rule else exchange.route) in TIMED


def _sizes(of: str, sized: tuple[tuple[str, str], ...]) -> Histogram:
    """The histogram of body sizes of each (method, route) in `sized`; `of` is "request" or "response"."""
    return Histogram(
        f"http_server_{of}_body_size_bytes",
        f"Size of {of} bodies.",
        "bytes",
        labels=("http_request_method", "http_route"),
        bounds=SIZE_BOUNDS,
        label_sets=sized,
    )


def _semantic(labels: LabelSet) -> Labels:
    """`labels` by the names of OpenTelemetry's semantic conventions."""
    found = {
        "http_request_method": labels.method,
        "http_response_status_code": labels.status,
        "http_route": labels.path,
        "url_scheme": SCHEME,
    }
    return found | {"error_type": labels.status} if labels.status >= "500" else found
