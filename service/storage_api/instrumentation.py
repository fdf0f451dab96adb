"""HTTP metrics: every response counts exactly once, under labels whose values are bounded."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from .exchange import Exchange

LABELS = ("path", "method", "status")

# They would add a series to each counter and histogram that no query of ours reads.
disable_created_metrics()


class Instrumentation:
    """Observer of exchanges that counts and times them in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "http_request_count", "HTTP responses by route, method and status.", LABELS, registry=registry
        )
        self.duration = Histogram(
            "http_request_duration_seconds", "Time from request to response.", LABELS, registry=registry
        )

    def __call__(self, exchange: Exchange) -> None:
        labels = (exchange.route, exchange.method, str(exchange.status))
        self.requests.labels(*labels).inc()
        self.duration.labels(*labels).observe(exchange.duration_seconds)
