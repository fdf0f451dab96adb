"""Alerts for an indicator that can't be measured: no label tells errors, or no bucket has the threshold."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, counter, gauge, latencies, requests, selector
from tests.support.slo.vocabulary import AVAILABILITY, recorded

UP = selector("up", **TARGET)
NO_ERRORS, NO_LATENCY = (
    ("CheckoutAvailabilityIndicatorBroken", "warning"),
    ("CheckoutLatencyIndicatorBroken", "warning"),
)


def cases() -> Iterator[Case]:
    plain = selector("http_requests_total", **TARGET)
    yield Case(
        name="AvailabilityIndicatorBroken: no series has the label that tells errors, and later one has",
        series={
            UP: gauge([("50m", 1)]),
            plain: counter([("50m", 1)]),
            selector("http_requests_total", **TARGET, code="200"): counter([("30m", None), ("20m", 1)]),
            # Others have the label.
            selector("http_requests_total", **{**TARGET, "job": "payment"}, code="200"): counter(
                [("50m", 1)]
            ),
            selector("http_requests_total", **{**TARGET, "namespace": "test"}, code="200"): counter(
                [("50m", 1)]
            ),
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
        name="LatencyIndicatorBroken: no bucket at the threshold, while most requests fail",
        series={
            UP: gauge([("30m", 1)]),
            selector("http_requests_total", **TARGET, code="200"): counter([("30m", 0.5)]),
            failed: counter([("30m", 1)]),
            selector("http_request_duration_seconds_count", **TARGET, code="200"): counter([("30m", 0.5)]),
        },
        until="30m",
        alerts=[NO_LATENCY[0]],
        firing={NO_LATENCY: [("15m30s", "30m")]},
    )
    yield Case(
        name="LatencyIndicatorBroken: no histogram, while just under half of the requests fail, then more",
        series=requests([("30m", 100, 0.48), ("20m", 100, 0.52)]),
        until="50m",
        alerts=[NO_LATENCY[0]],
        firing={NO_LATENCY: [("15m30s", "32m")]},
    )
    yield Case(
        name="LatencyIndicatorBroken: silent without traffic, though no bucket is at the threshold",
        series={name: text for name, text in latencies([("40m", 0, 0)]).items() if name not in fast},
        until="40m",
        alerts=[NO_LATENCY[0]],
    )
    others = [
        recorded("slo:bad_requests_per_requests:ratio_rate5m", AVAILABILITY.replace(*names))
        for names in (("shop", "test"), ("checkout", "payment"))
    ]
    yield Case(
        name="LatencyIndicatorBroken: silent while all requests fail, though others' succeed",
        series={
            **requests([("40m", 1, 1)]),
            **dict.fromkeys(others, gauge([("40m", 0)])),
        },
        until="40m",
        alerts=[NO_LATENCY[0]],
    )
    yield Case(
        name="LatencyIndicatorBroken: silent if the histogram has the bucket, though it counts nothing",
        series={**latencies([("40m", 0, 0)]), **requests([("40m", 1, 0)])},
        until="40m",
        alerts=[NO_LATENCY[0]],
    )
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
