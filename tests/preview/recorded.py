"""Recorded series of services in every state, as the rules record them, for a Prometheus without targets.

tests/rules proves that the rules record these values in these states.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.slo.traffic import Series

NAMESPACE = "shop"
MINUTE = 60
STEP = 15
"""Seconds between samples."""
SPAN = 60 * MINUTE
ALERT_AGE = 10 * MINUTE
ENDED = 6 * MINUTE
"""How long ago series ended that a rule no longer records; Prometheus shows a sample for five minutes."""


@dataclass
class Recorded:
    """What is recorded of one service at present, and until ENDED ago."""

    state: int
    up: int = 2
    expected: int = 2
    codes: dict[str, float] = field(default_factory=lambda: {"200": 20.0})
    """Requests per second by status code."""
    ended: dict[str, float] = field(default_factory=dict)
    """The same, of codes that are no longer answered."""
    p99: float | None = 0.12
    """Of good answers, in seconds."""
    budget: float = 0.8
    alert: str = ""
    """The state of the alert Burning: pending, firing or none."""
    fault: str = ""
    """A fault that is switched on."""


SERVICES = {
    "well": Recorded(0),
    "idle": Recorded(1, codes={"200": 0.0}, p99=None),
    "dead": Recorded(5, up=0, codes={}, ended={"200": 20.0}, p99=None, budget=0.1, alert="firing"),
    "pending": Recorded(2, codes={"200": 19.8, "503": 0.2}, alert="pending"),
    "firing": Recorded(4, codes={"200": 15.8, "404": 1.0, "503": 4.2}, budget=-0.4, alert="firing"),
    "drill": Recorded(2, codes={"200": 19.0, "500": 1.0}, fault="error"),
    "broken": Recorded(4, codes={"503": 20.0}, ended={"200": 20.0}, p99=None, budget=-3.2, alert="firing"),
    "partial": Recorded(2, up=1, expected=3),
}


def series(now: int) -> Iterator[Series]:
    """The series of all services, whose last samples lie two minutes after `now`, in seconds since 1970."""
    for service, one in SERVICES.items():
        own = {"namespace": NAMESPACE, "slo_service": service}
        for name, labels, value in _present(one, now):
            yield _series(name, own | labels, value, now + 2 * MINUTE)
        for code, rate in one.ended.items():
            yield _series("service:requests:rate", own | _outcome(code), rate, now - ENDED)


def _outcome(code: str) -> dict[str, str]:
    return {"code": code, "outcome": "bad" if code.startswith("5") else "good"}


def _present(one: Recorded, now: int) -> Iterator[tuple[str, dict[str, str], float]]:
    """Names, further labels and values of the series that are recorded at present."""
    yield "slo_info", {"slo_indicator": "availability", "objective": "99.9", "period": "30d"}, 1
    yield "slo:objective:ratio", {"slo_indicator": "availability"}, 0.999
    yield "slo:error_budget_remaining:ratio", {"slo_indicator": "availability"}, one.budget
    yield "service:state", {}, one.state
    yield "service:targets:up", {}, one.up
    yield "service:targets:expected", {}, one.expected
    for code, rate in one.codes.items():
        yield "service:requests:rate", _outcome(code), rate
    if one.p99:
        yield "service:latency_seconds:quantile", {"quantile": "0.99", "of": "good"}, one.p99
    if one.alert:
        alert = {"alertname": "Burning", "severity": "critical", "runbook": "Burning.md"}
        yield "ALERTS", alert | {"alertstate": one.alert}, 1
        yield "ALERTS_FOR_STATE", alert, now - ALERT_AGE
    if one.fault:
        yield "service:fault:active", {"fault": one.fault}, 1
    for number in range(one.expected):
        pod = {"pod": f"pod-{number}"}
        yield "service:pod:up", pod, float(number < one.up)
        yield "service:pod_version:info", pod | {"version": "1.2.3"}, 1


def _series(name: str, labels: dict[str, str], value: float, end: int) -> Series:
    pairs = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{pairs}}}", [(when, value) for when in range(end - SPAN, end + 1, STEP)]
