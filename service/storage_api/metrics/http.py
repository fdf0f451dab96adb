"""HTTP metrics: one observation of each exchange feeds all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from ..exchange import METHODS, OTHER_METHOD, Exchange
from .labels import LISTING, OBJECT, OTHER, TIMED, UNTIMED, LabelSet, fold, label_sets

DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
"""Seconds; of those that OpenTelemetry advises for http.server.request.duration, as few as do."""
SIZE_BOUNDS = (2**10, 2**16, 2**20, 2**24, 2**30)
"""Bytes: 1 KiB to 1 GiB."""
SCHEME = "http"
"""Label `url_scheme`: the server speaks nothing else."""

_SIZED_REQUESTS = ((OBJECT, "PUT"),)
_SIZED_RESPONSES = ((OBJECT, "GET"), (LISTING, "GET"))


class _Series(NamedTuple):
    """What an exchange of one label set is told to; None where there is nothing to tell."""

    count: Callable[[], None] | None
    duration: Callable[[float, dict[str, str] | None], None] | None
    request_size: Callable[[float], None] | None
    response_size: Callable[[float], None] | None


class HttpMetrics(Collector):
    """Observer of exchanges, and collector of what it has observed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Show in `registry` what will be observed; every series is there from now on."""
        # Neither is in the registry: `collect` shows them under the names that they share.
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from the request's last byte until the response's.",
            LabelSet._fields,
            unit="seconds",
            buckets=DURATION_BOUNDS,
            registry=None,
        )
        self._counts = Counter(
            "http_request_count", "Responses by route, method and status.", LabelSet._fields, registry=None
        )
        request_sizes = _sizes("request", _SIZED_REQUESTS, registry)
        response_sizes = _sizes("response", _SIZED_RESPONSES, registry)
        timed = {
            labels: _Series(
                None,
                self._durations.labels(*labels).observe,
                request_sizes.get(labels[:2]),
                response_sizes.get(labels[:2]),
            )
            for labels in label_sets(TIMED)
        }
        untimed = {
            labels: _Series(self._counts.labels(*labels).inc, None, None, None)
            for labels in (*label_sets(UNTIMED), OTHER)
        }
        self._series = timed | untimed
        registry.register(self)

    def __call__(self, exchange: Exchange) -> None:
        series = self._series[fold(exchange.route, exchange.method, exchange.status)]
        if series.count:
            series.count()
        if series.duration:
            trace = exchange.trace
            exemplar = {"trace_id": trace.trace_id} if trace is not None and trace.sampled else None
            series.duration(exchange.duration_seconds, exemplar)
        if series.request_size:
            series.request_size(exchange.request_bytes)
        if series.response_size:
            series.response_size(exchange.response_bytes)

    def collect(self) -> Iterator[Metric]:
        """The families that share an observation, from one look at it."""
        (durations,) = self._durations.collect()
        yield durations
        semantic = Metric(
            "http_server_request_duration_seconds", durations.documentation, "histogram", "seconds"
        )
        semantic.samples = [_semantic(sample) for sample in durations.samples]
        yield semantic
        (counts,) = self._counts.collect()
        counts.samples[:0] = [
            Sample("http_request_count_total", sample.labels, sample.value)
            for sample in durations.samples
            if sample.name == "http_request_duration_seconds_count"
        ]
        yield counts


class _Active(Collector):
    """The requests of the API that are being worked on, without probes and the scrape that asks."""

    def __init__(self, active: Set[Exchange]) -> None:
        self._active = active

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "http_server_active_requests",
            "Requests of the API that have been read and not yet answered to the end.",
            labels=("http_request_method", "url_scheme"),
        )
        methods = [exchange.method for exchange in list(self._active) if _is_timed(exchange)]
        for method in (*sorted(METHODS), OTHER_METHOD):
            gauge.add_metric((method, SCHEME), methods.count(method))
        yield gauge


def watch_active(active: Set[Exchange], registry: CollectorRegistry) -> None:
    """Show in `registry` how many exchanges are `active`."""
    registry.register(_Active(active))


def _is_timed(exchange: Exchange) -> bool:
    # While a handler is at work, only Flask's request knows the route.
    rule = getattr(exchange.environ.get("werkzeug.request"), "url_rule", None)
    return (rule.rule if rule else exchange.route) in TIMED


def _sizes(
    of: str, sized: tuple[tuple[str, str], ...], registry: CollectorRegistry
) -> dict[tuple[str, str], Callable[[float], Any]]:
    """A histogram of the sizes of bodies; for each (route, method) of `sized` what observes it."""
    sizes = Histogram(
        f"http_server_{of}_body_size_bytes",
        f"Size of the bodies of {of}s.",
        ("http_request_method", "http_route"),
        unit="bytes",
        buckets=SIZE_BOUNDS,
        registry=registry,
    )
    return {(route, method): sizes.labels(method, route).observe for route, method in sized}


def _semantic(sample: Sample) -> Sample:
    """`sample` of http_request_duration_seconds with the names of OpenTelemetry's semantic conventions."""
    path, method, status, *bound = sample.labels.values()
    labels = {
        "http_request_method": method,
        "http_response_status_code": status,
        "http_route": path,
        "url_scheme": SCHEME,
    }
    if status >= "500":
        labels["error_type"] = status
    if bound:
        (labels["le"],) = bound
    name = sample.name.replace("http_request", "http_server_request", 1)
    return Sample(name, labels, sample.value, None, sample.exemplar)
