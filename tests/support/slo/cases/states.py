"""The state of a service, as one number."""

import dataclasses
from collections.abc import Iterator, Mapping

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, Traffic, gauge, requests, seconds, selector
from tests.support.slo.vocabulary import ALERTS, SERVICE_LABELS, record


def cases() -> Iterator[Case]:
    """The state of a service, as one number."""
    other = {"instance": "b", "pod": "b"}
    up = [selector("up", **{**TARGET, **target}) for target in ({}, other)]

    def case(name: str, series: Mapping[str, str], *states: tuple[str, int]) -> Case:
        asked = [record(time, "service:state", SERVICE_LABELS, value) for time, value in states]
        until = max((time for time, _ in states), key=seconds)
        return Case(
            name=f"state: {name}", series=series, until=until, queries=asked, alerts=ALERTS, firing=None
        )

    def pods(traffic: Traffic) -> dict[str, str]:
        return {**requests(traffic), **requests(traffic, **other)}

    healthy = pods([("40m", 10, 0)])
    no_histogram = {"metrics": {"duration": ""}}
    for each in (
        case("healthy, then no traffic", pods([("10m", 10, 0), ("30m", 0, 0)]), ("5m", 0), ("40m", 1)),
        case("no series of requests at all", {name: gauge([("20m", 1)]) for name in up}, ("20m", 1)),
        case(
            "one target of two is down, then both",
            {**healthy, up[0]: gauge([("10m", 1), ("30m", 0)]), up[1]: gauge([("20m", 1), ("20m", 0)])},
            *(("10m", 0), ("10m30s", 2), ("20m", 2), ("20m30s", 5), ("40m", 5)),
        ),
        case("a critical alert", pods([("10m", 10, 0), ("10m", 10, 1)]), ("10m", 0), ("20m", 4)),
        case("a warning", pods([("20m", 1000, 0.002)]), ("20m", 3)),
        case(
            "too few bad requests for an alert",
            {**pods([("40m", 0.02, 0)]), selector("http_requests_total", **TARGET, code="500"): "0x19 2x60"},
            *(("9m30s", 0), ("12m", 2)),
        ),
    ):
        yield dataclasses.replace(each, values=no_histogram)
    yield case("an alert is pending", pods([("10m", 10, 0)]), ("10m", 2))
