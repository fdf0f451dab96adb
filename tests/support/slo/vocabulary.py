"""Labels and names of what charts/slo records for the service `checkout`, for the cases."""

from collections.abc import Mapping
from typing import Any

SERVICE_LABELS = 'namespace="shop", slo_service="checkout"'
AVAILABILITY, LATENCY = (
    f'namespace="shop", slo="checkout-{name}", slo_indicator="{name}", slo_service="checkout"'
    for name in ("availability", "latency")
)
METRICS: dict[str, Any] = {"duration": "http_request_duration_seconds"}
NATIVE = {"metrics": {**METRICS, "durationType": "nativeHistogram"}}

ALERTS = (
    "CheckoutAvailabilityBudgetBurn",
    "CheckoutLatencyBudgetBurn",
    "CheckoutDown",
    "CheckoutMetricsMissing",
    "CheckoutAvailabilityIndicatorBroken",
    "CheckoutLatencyIndicatorBroken",
    "CheckoutTrafficMissing",
)


def recorded(name: str, labels: str, more: str = "") -> str:
    """A recorded series with all its labels."""
    return f"{name}{{{', '.join(part for part in (labels, more) if part)}}}"


def record(
    time: str, name: str, labels: str, value: float | None, more: str = ""
) -> tuple[str, str, Mapping[str, float]]:
    """A query for the record with these labels: its value, or None if there must be none."""
    found = recorded(name, labels, more)
    return time, found, {} if value is None else {found: value}


def exactly(
    time: str, name: str, *expected: tuple[str, float], service: str = SERVICE_LABELS
) -> tuple[str, str, Mapping[str, float]]:
    """A query for all series of a service's record, each with its labels beside those of the service."""
    samples = {recorded(name, service, labels): value for labels, value in expected}
    return time, recorded(name, service), samples
