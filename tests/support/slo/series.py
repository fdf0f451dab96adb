"""Input series for promtool: counters that grow at given rates, written in promtool's notation."""

import re
from collections.abc import Sequence

Phase = tuple[str, float | None]
"""A duration and a rate per second; None while there are no samples."""

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def seconds(duration: str) -> int:
    """Seconds of a duration such as `1h30m`."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", duration))


def counter(phases: Sequence[Phase], every: str = "30s", restarts: bool = False) -> str:
    """Samples of a counter from time 0, one `every` interval. With `restarts` each phase counts from zero.

    Samples are whole numbers: with decimals, promtool's rounding may make a sum fall a little, which would be
    a reset. A phase's first sample is one interval after its start, and counts what happened since. So a
    series whose first phase has no samples begins with its first events.
    """
    step, value = seconds(every), 0
    parts = ["_" if phases[0][1] is None else "0"]
    for duration, rate in phases:
        samples = seconds(duration) // step
        if rate is None:
            parts.append(_missing(samples))
        elif samples:
            value = 0 if restarts else value
            growth = round(rate * step)
            parts.append(f"{value + growth}+{growth}x{samples - 1}")
            value += growth * samples
    return " ".join(parts)


def gauge(phases: Sequence[Phase], every: str = "30s") -> str:
    """Samples of a gauge that has one value in each phase, from time 0."""
    first = phases[0][1]
    parts = ["_" if first is None else f"{first:.10g}"]
    for duration, value in phases:
        samples = seconds(duration) // seconds(every)
        if samples:
            parts.append(_missing(samples) if value is None else f"{value:.10g}x{samples - 1}")
    return " ".join(parts)


def _missing(samples: int) -> str:
    """No samples for a while, after the marker by which Prometheus ends a series at once."""
    return f"stale _x{samples - 1}" if samples > 1 else "stale"


def selector(name: str, **labels: str) -> str:
    matchers = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{matchers}}}"


TARGET = {"namespace": "shop", "job": "checkout", "instance": "a", "pod": "a"}
"""Labels of the service's only target, if a case has no others."""

Traffic = Sequence[tuple[str, float, float]]
"""Phases of (duration, requests per second, ratio of bad ones)."""


def requests(traffic: Traffic, every: str = "30s", **target: str) -> dict[str, str]:
    """A target's `up`, and its counter by status code. The series of errors is born with the first error."""
    labels = {**TARGET, **target}
    good = [(duration, rate * (1 - bad)) for duration, rate, bad in traffic]
    found = {
        selector("up", **labels): gauge([(duration, 1) for duration, *_ in traffic], every),
        selector("http_requests_total", **labels, code="200"): counter(good, every),
    }
    if any(bad for *_, bad in traffic):
        errors = born([(duration, rate * bad) for duration, rate, bad in traffic])
        found[selector("http_requests_total", **labels, code="500")] = counter(errors, every)
    return found


def born(phases: Sequence[Phase]) -> list[Phase]:
    """The phases of a series that does not exist before its first event."""
    first = next(index for index, (_, rate) in enumerate(phases) if rate)
    return [
        (duration, None) if index < first else (duration, rate)
        for index, (duration, rate) in enumerate(phases)
    ]


def latencies(
    traffic: Traffic, every: str = "30s", le: str = "0.5", unit: str = "seconds", **target: str
) -> dict[str, str]:
    """A target's `up`, its requests, all successful, and their histogram with one bound besides +Inf."""
    labels = {**TARGET, **target}
    whole = [(duration, rate) for duration, rate, _ in traffic]
    fast = [(duration, rate * (1 - slow)) for duration, rate, slow in traffic]
    name = f"http_request_duration_{unit}"
    return {
        **requests([(duration, rate, 0) for duration, rate, _ in traffic], every, **target),
        selector(f"{name}_count", **labels, code="200"): counter(whole, every),
        selector(f"{name}_bucket", **labels, code="200", le="+Inf"): counter(whole, every),
        selector(f"{name}_bucket", **labels, code="200", le=le): counter(fast, every),
    }
