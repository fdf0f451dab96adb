"""What no alert may fire for: every alert of the service is evaluated, and each evaluation must be silent."""

import dataclasses
import math
from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, counter, gauge, latencies, requests, selector
from tests.support.slo.vocabulary import ALERTS

DURATION = "http_request_duration_seconds"


def cases() -> Iterator[Case]:
    for case in (*_traffic(), *_pods(), *_scrapes()):
        yield dataclasses.replace(case, name=f"silent: {case.name}", alerts=ALERTS)


def service(traffic: list[tuple[str, float, float]], every: str = "30s", **target: str) -> dict[str, str]:
    """A pod whose requests fail at these ratios, and whose successful ones are all fast."""
    durations = latencies(
        [(duration, rate * (1 - bad), 0) for duration, rate, bad in traffic], every, **target
    )
    return {**durations, **requests(traffic, every, **target)}


def _traffic() -> Iterator[Case]:
    yield Case("healthy, with three quarters of its budget", service([("90m", 1000, 0.00075)]), "90m")
    yield Case("no traffic at all", service([("90m", 0, 0)]), "90m")
    rare = {
        name: "1x480" if name.startswith("up") else " ".join(f"{count}x9" for count in range(48)) + " 48"
        for name in service([("8h", 1, 0)])
    }
    once = selector("http_requests_total", **TARGET, code="500")
    for count, errors in (("one error", "_x300 1x180"), ("two errors", "_x300 1x9 2x170")):
        yield Case(f"{count} at six requests an hour", {**rare, once: errors}, "8h", every="1m", step="2m")
    # Two days whose busiest hour has fifty times the traffic of the quietest, with seven tenths of the budget
    # failing.
    day = [200 * (1.04 - math.cos(2 * math.pi * hour / 24)) for hour in range(48)]
    yield Case(
        "traffic that swings with the time of day",
        service([("1h", rate, 0.0007) for rate in day], "2m"),
        "48h",
        every="2m",
        step="10m",
    )


def _pods() -> Iterator[Case]:
    reset = {
        name: text if name.startswith("up") else counter([("30m", rate), ("30m", rate)], restarts=True)
        for rate in (10,)
        for name, text in service([("60m", 10, 0)]).items()
    }
    yield Case("counters start again from zero", reset, "60m")
    start_up = "60s"
    pods: dict[str, str] = {}
    for number in range(3):
        until, after = 20 + 5 * number, 40 - 5 * number
        old, new = ({"instance": f"{age}{number}", "pod": f"{age}{number}"} for age in ("old", "new"))
        for target, phases in (
            (old, [(f"{until}m", 10), (f"{after}m", None)]),
            (new, [(f"{until}m", None), (start_up, None), (f"{after - 1}m", 10)]),
        ):
            for name in service([("60m", 1, 0)], **target):
                if name.startswith("up"):
                    pods[name] = gauge([(duration, None if rate is None else 1) for duration, rate in phases])
                else:
                    pods[name] = counter(phases)
    yield Case("a rolling restart replaces three pods one by one", pods, "60m")
    moved: dict[str, str] = {}
    for target, phases in (
        ({"instance": "10.0.0.1:80", "pod": "a"}, [("30m", 10), ("30m", None)]),
        ({"instance": "10.0.0.2:80", "pod": "b"}, [("33m", None), ("27m", 10)]),
    ):
        for name in service([("60m", 1, 0)], **target):
            up = name.startswith("up")
            moved[name] = gauge([(d, r and 1) for d, r in phases]) if up else counter(phases)
    yield Case("the only target is replaced by another within three minutes", moved, "60m")


def _scrapes() -> Iterator[Case]:
    # Prometheus itself was away: there are no samples, and no markers that the series ended.
    gap = {}
    for name in service([("1m", 1, 0)]):
        gap[name] = "1x59 _x17 1x60" if name.startswith("up") else "0+300x59 _x17 23400+300x60"
    yield Case("nine minutes without samples", gap, "68m")
    failed = {}
    for name in service([("1m", 1, 0)]):
        failed[name] = "1x59 0x7 1x90" if name.startswith("up") else "0+300x59 stale _x7 20400+300x90"
    yield Case("four minutes of failed scrapes", failed, "78m")
