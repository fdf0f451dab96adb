"""Alerts for what is missing: targets, metrics, traffic."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, counter, gauge, selector
from tests.support.slo.vocabulary import AVAILABILITY, LATENCY, SERVICE_LABELS, recorded

UP = selector("up", **TARGET)
DOWN, MISSING, NO_TRAFFIC = (
    ("CheckoutDown", "critical"),
    ("CheckoutMetricsMissing", "warning"),
    ("CheckoutTrafficMissing", "warning"),
)
EAGER = {"metrics": {"duration": "http_request_duration_seconds", "lazy": False}}
OTHERS = (SERVICE_LABELS.replace("shop", "test"), SERVICE_LABELS.replace("checkout", "payment"))
"""Labels of the records of the same service in another namespace, and of another service."""


def cases() -> Iterator[Case]:
    yield from _down()
    yield from _metrics_missing()
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
        name="Down: silent while one of two targets answers, though other services are down",
        series={
            UP: gauge([("10m", 1), ("20m", 0)]),
            other: gauge([("30m", 1)]),
            **{recorded("service:targets:up", labels): gauge([("30m", 0)]) for labels in OTHERS},
        },
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
        name="MetricsMissing: a target was down and then up for a day, and no series is born with a request",
        series={UP: gauge([("1h", 0), ("26h", 1)], "2m")},
        until="27h",
        alerts=alerts,
        firing={MISSING: [("25h20m", "27h")]},
        every="2m",
        step="5m",
    )
    yield Case(
        name="MetricsMissing: series of requests are gone, unlike yesterday, but those of latency exist",
        series={
            recorded("slo:requests:rate5m", LATENCY): gauge([("26h", 1)], "2m"),
            UP: gauge([("12h", 1), ("14h", 1)], "2m"),
            total: counter([("6h", 1), ("18h", 1), ("2h", None)], "2m"),
        },
        until="26h",
        alerts=alerts,
        firing={MISSING: [("24h25m", "26h")]},
        every="2m",
        step="5m",
    )
    # Whole numbers of requests in each two minutes, next to the threshold of 0.1 a second.
    for count, firing in ((11, {}), (13, {MISSING: [("25h15m", "26h")]})):
        yield Case(
            name=f"MetricsMissing: gone, with {count / 120:.3f} requests a second yesterday",
            series={
                UP: gauge([("26h", 1)], "2m"),
                total: counter([("24h", count / 120), ("2h", None)], "2m"),
            },
            until="26h",
            alerts=alerts,
            firing=firing,
            every="2m",
            step="5m",
        )
    yield Case(
        name="MetricsMissing: silent while the target is down, though others are up without metrics",
        series={
            UP: gauge([("24h", 1), ("2h", 0)], "2m"),
            total: counter([("24h", 1), ("2h", None)], "2m"),
            **{recorded("service:targets:up", labels): gauge([("26h", 1)], "2m") for labels in OTHERS},
        },
        until="26h",
        alerts=alerts,
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
    others = [AVAILABILITY.replace("shop", "test"), LATENCY]
    yield Case(
        name="TrafficMissing: silent if another namespace's service, or the histogram, has little traffic",
        series={
            UP: gauge([("9d", 1)], "20m"),
            total: counter([("9d", 100)], "20m"),
            **{
                recorded("slo:requests:rate1h", labels): gauge([("7d", 100), ("1d", 1), ("1d", None)], "20m")
                for labels in others
            },
        },
        until="9d",
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
