"""Alerts for what is missing: targets, metrics, an indicator's series, traffic."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, counter, gauge, latencies, selector

UP = selector("up", **TARGET)
DOWN, MISSING, NO_TRAFFIC = (
    ("CheckoutDown", "critical"),
    ("CheckoutMetricsMissing", "warning"),
    ("CheckoutTrafficMissing", "warning"),
)
NO_ERRORS, NO_LATENCY = (
    ("CheckoutAvailabilityIndicatorBroken", "warning"),
    ("CheckoutLatencyIndicatorBroken", "warning"),
)
EAGER = {"metrics": {"duration": "http_request_duration_seconds", "lazy": False}}


def cases() -> Iterator[Case]:
    yield from _down()
    yield from _metrics_missing()
    yield from _indicator_broken()
    yield from _traffic_missing()


def _down() -> Iterator[Case]:
    other = selector("up", **{**TARGET, "instance": "b", "pod": "b"})
    alerts = [DOWN[0]]
    yield Case(
        name="Down: the only target does not answer for 20 minutes",
        series={UP: gauge([("10m", 1), ("20m", 0), ("10m", 1)])},
        until="40m",
        alerts=alerts,
        firing={DOWN: [("15m30s", "30m")]},
    )
    yield Case(
        name="Down: the only target disappears, for longer than 5 minutes and before for less",
        series={UP: gauge([("10m", 1), ("5m", None), ("5m", 1), ("10m", None), ("5m", 1)])},
        until="35m",
        alerts=alerts,
        firing={DOWN: [("25m30s", "30m")]},
    )
    yield Case(
        name="Down: silent while one of two targets answers",
        series={UP: gauge([("10m", 1), ("20m", 0)]), other: gauge([("30m", 1)])},
        until="30m",
        alerts=alerts,
    )


def _metrics_missing() -> Iterator[Case]:
    alerts = [MISSING[0]]
    total = selector("http_requests_total", **TARGET, code="200")
    yield Case(
        name="MetricsMissing: metrics that exist from the start disappear, and come back",
        values={"metrics": EAGER["metrics"]},
        series={UP: gauge([("60m", 1)]), total: counter([("10m", 1), ("30m", None), ("20m", 1)])},
        until="60m",
        alerts=alerts,
        firing={MISSING: [("29m30s", "40m30s")]},
    )
    yield Case(
        name="MetricsMissing: silent if a target without metrics is down too",
        values={"metrics": EAGER["metrics"]},
        series={UP: gauge([("10m", 1), ("30m", 0)]), total: counter([("10m", 1), ("30m", None)])},
        until="40m",
        alerts=alerts,
    )
    yield Case(
        name="MetricsMissing: series that are born with the first request do not come for a whole day",
        series={UP: gauge([("26h", 1)], "2m")},
        until="26h",
        alerts=alerts,
        firing={MISSING: [("24h15m", "26h")]},
        every="2m",
        step="5m",
    )
    yield Case(
        name="MetricsMissing: series born with the first request are gone, unlike yesterday at this time",
        series={
            UP: gauge([("12h", 1), ("14h", 1)], "2m"),
            total: counter([("6h", 1), ("18h", 1), ("2h", None)], "2m"),
        },
        until="26h",
        alerts=alerts,
        firing={MISSING: [("24h25m", "26h")]},
        every="2m",
        step="5m",
    )
    night = {**TARGET, "instance": "b", "pod": "b"}
    yield Case(
        name="MetricsMissing: silent in a quiet night after a rolling restart, if days are busy",
        series={
            UP: gauge([("26h", 1), ("6h", None)], "2m"),
            total: counter([("12h", 0), ("12h", 1), ("2h", 0), ("6h", None)], "2m"),
            selector("up", **night): gauge([("26h", None), ("6h", 1)], "2m"),
        },
        until="32h",
        alerts=alerts,
        every="2m",
        step="5m",
    )


def _indicator_broken() -> Iterator[Case]:
    plain = selector("http_requests_total", **TARGET)
    yield Case(
        name="AvailabilityIndicatorBroken: no series has the label that tells errors, and later one has",
        series={
            UP: gauge([("50m", 1)]),
            plain: counter([("50m", 1)]),
            selector("http_requests_total", **TARGET, code="200"): counter([("30m", None), ("20m", 1)]),
        },
        until="50m",
        alerts=[NO_ERRORS[0]],
        firing={NO_ERRORS: [("15m30s", "30m")]},
    )
    traffic = [("40m", 1, 0)]
    whole, fast = latencies(traffic), [name for name in latencies(traffic) if 'le="0.5"' in name]
    late = counter([("30m", None), ("10m", 1)])
    yield Case(
        name="LatencyIndicatorBroken: no bucket at the threshold, and later one",
        series={**whole, **dict.fromkeys(fast, late)},
        until="40m",
        alerts=[NO_LATENCY[0]],
        firing={NO_LATENCY: [("15m30s", "30m")]},
    )
    histogram = [name for name in whole if "duration" in name]
    yield Case(
        name="LatencyIndicatorBroken: no histogram at all, and later one",
        series={**whole, **dict.fromkeys(histogram, late)},
        until="40m",
        alerts=[NO_LATENCY[0]],
        firing={NO_LATENCY: [("15m30s", "30m")]},
    )
    failed = selector("http_requests_total", **TARGET, code="500")
    yield Case(
        name="IndicatorBroken: silent if every request fails, so that no success could be measured",
        series={UP: gauge([("40m", 1)]), failed: counter([("40m", 1)])},
        until="40m",
        alerts=[NO_ERRORS[0], NO_LATENCY[0]],
    )
    yield Case(
        name="IndicatorBroken: silent without traffic",
        series={UP: gauge([("40m", 1)]), plain: counter([("40m", 0)])},
        until="40m",
        alerts=[NO_ERRORS[0], NO_LATENCY[0]],
    )


def _traffic_missing() -> Iterator[Case]:
    total = selector("http_requests_total", **TARGET, code="200")
    rare = {"alerts": [NO_TRAFFIC[0]], "every": "20m", "step": "20m"}
    yield Case(
        name="TrafficMissing: just under a tenth of last week's traffic, and a day later all of it",
        series={
            UP: gauge([("9d", 1)], "20m"),
            total: counter([("7d", 100), ("1d", 9.5), ("1d", 100)], "20m"),
        },
        until="9d",
        firing={NO_TRAFFIC: [("169h20m", "192h")]},
        **rare,
    )
    yield Case(
        name="TrafficMissing: none, though it was little last week, and the series are gone after a restart",
        series={UP: gauge([("9d", 1)], "20m"), total: counter([("8d", 0.0108), ("1d", None)], "20m")},
        until="9d",
        firing={NO_TRAFFIC: [("193h", "216h")]},
        **rare,
    )
    yield Case(
        name="TrafficMissing: silent with over a tenth, with very little last week, in the first week",
        series={
            UP: gauge([("9d", 1)], "20m"),
            total: counter([("1d", 100), ("1d", 0.0092), ("5d", 100), ("1d", 10.6), ("1d", 0)], "20m"),
        },
        until="9d",
        **rare,
    )
