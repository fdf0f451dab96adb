"""Latency from classic and native histograms, in seconds and milliseconds."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, counter, gauge, latencies, selector
from tests.support.slo.vocabulary import AVAILABILITY, LATENCY, NATIVE, SERVICE_LABELS, record


def cases() -> Iterator[Case]:
    ratio = "slo:bad_requests_per_requests:ratio_rate5m"
    for le, threshold in (
        ("0.5", 0.5),
        ("1", 1),
        ("1.0", 1),
        ("1e+06", 1000),
        ("1000000", 1000),
        ("1000000.0", 1000),
    ):
        unit = "milliseconds" if threshold == 1000 else "seconds"
        neighbours = ("0.25", "0.55", "5", "10", "11", "100000", "10000000", "1e+07", "11e+06", "1ee06")
        series = latencies([("20m", 10, 0.3)], le=le, unit=unit)
        for other in neighbours:
            name = f"http_request_duration_{unit}_bucket"
            series[selector(name, **TARGET, code="200", le=other)] = counter([("20m", 5)])
        yield Case(
            name=f"the bucket le={le!r} counts for a threshold of {threshold} s in {unit}, and no other",
            series=series,
            until="20m",
            queries=[record("20m", ratio, LATENCY, 0.3)],
            values={
                "slis": {"availability": {"enabled": False}, "latency": {"threshold": threshold}},
                "metrics": {"duration": f"http_request_duration_{unit}", "unit": unit},
            },
        )
    quantile = "service:latency_seconds:quantile"
    for unit, scale in (("seconds", 1), ("milliseconds", 1000)):
        bucket = f"http_request_duration_{unit}_bucket"
        traffic = [("20m", 10, 0), ("20m", 0, 0)]
        bounds = [f"{bound * scale:g}" for bound in (0.1, 0.2)]
        pods = {
            name: text
            for pod in ("a", "b")
            for name, text in latencies(traffic, unit=unit, le=bounds[1], instance=pod, pod=pod).items()
        }
        lower = {selector(bucket, **TARGET, code="200", le=bounds[0]): counter([("20m", 4), ("20m", 0)])}
        # Errors are fast, and there are more of them.
        errors = {
            selector(bucket, **TARGET, code="500", le=le): counter([("40m", 90)]) for le in (*bounds, "+Inf")
        }
        others = {
            selector(bucket, **{**TARGET, **target}, code="200", le=le): counter([("40m", 90)])
            for target in ({"job": "payment"}, {"namespace": "test"})
            for le in (*bounds, "+Inf")
        }
        yield Case(
            name=f"quantiles of a histogram in {unit} are in seconds, and absent without requests",
            series={**pods, **lower, **errors, **others},
            until="40m",
            queries=[
                record("20m", quantile, SERVICE_LABELS, 0.1375, 'of="good", quantile="0.5"'),
                record("20m", quantile, SERVICE_LABELS, 0.1875, 'of="good", quantile="0.9"'),
                record("20m", quantile, SERVICE_LABELS, 0.19875, 'of="good", quantile="0.99"'),
                ("40m", quantile, {}),
            ],
            values={
                "metrics": {"duration": f"http_request_duration_{unit}", "unit": unit},
                "slis": {"latency": {"threshold": 0.2}},
            },
        )
    errors = {selector("http_request_duration_seconds_count", **TARGET, code="500"): counter([("20m", 10)])}
    errors[selector("http_request_duration_seconds_bucket", **TARGET, code="500", le="0.5")] = counter(
        [("20m", 10)]
    )
    for exclude, expected in ((True, 0.3), (False, 0.15)):
        yield Case(
            name=f"fast errors {'do not count' if exclude else 'count'} as requests of the latency, as set",
            series={**latencies([("20m", 10, 0.3)]), **errors},
            until="20m",
            queries=[
                record("20m", ratio, LATENCY, expected),
                *(
                    (
                        "20m",
                        f"sum(round(slo:requests:rate{window}{{{LATENCY}}} * {minutes}))",
                        {"{}": 200 if exclude else 400},
                    )
                    for window, minutes in (("5m", 20), ("30m", 30), ("1h", 60))
                ),
            ],
            values={"slis": {"latency": {"excludeErrors": exclude}, "availability": {"enabled": True}}},
        )
    bucket = selector("http_request_duration_seconds_bucket", **TARGET, code="200", le="0.5")
    yield Case(
        name="slow requests are never negative, though the bucket has more requests than there are",
        series={**latencies([("70m", 10, 0)]), bucket: counter([("70m", 11)])},
        until="70m",
        queries=[
            record("70m", f"slo:bad_requests:rate{window}", LATENCY, 0) for window in ("5m", "30m", "1h")
        ],
    )
    # Buckets of schema 0: (0.5, 1], (1, 2]; one observation of each per sample.
    step = "{{schema:0 count:30 sum:40 buckets:[15 15]}}"
    histogram = selector("http_request_duration_seconds", **TARGET, code="200")
    yield Case(
        name="a native histogram: half of the requests are slow, and silence leaves no NaN",
        series={
            selector("up", **TARGET): gauge([("60m", 1)]),
            histogram: f"{step}+{step}x40 {{{{schema:0 count:1230 sum:1640 buckets:[615 615]}}}}x79",
        },
        until="60m",
        queries=[
            record("20m", "slo:requests:rate5m", LATENCY, 1),
            record("20m", ratio, LATENCY, 0.5),
            record("40m", "slo:bad_requests:rate5m", LATENCY, 0),
            record("40m", ratio, LATENCY, None),
            record("60m", "slo:bad_requests_per_requests:ratio_rate30d", LATENCY, 0.5),
        ],
        values={**NATIVE, "slis": {"availability": {"enabled": False}, "latency": {"threshold": 1}}},
    )
    failed = selector("http_request_duration_seconds", **TARGET, code="500")
    yield Case(
        name="requests and errors are counted in a native histogram too, the first error included",
        series={
            selector("up", **TARGET): gauge([("60m", 1)]),
            histogram: f"{step}+{step}x120",
            failed: "_x60 {{schema:0 count:5 sum:5 buckets:[5]}}x60",
        },
        until="60m",
        queries=[
            ("40m", "slo:requests:rate5m * 300", {f"{{{AVAILABILITY}}}": 300}),
            ("31m", "slo:bad_requests:rate5m * 300", {f"{{{AVAILABILITY}}}": 5}),
            ("40m", "slo:bad_requests:rate5m * 300", {f"{{{AVAILABILITY}}}": 0}),
            ("60m", "slo:bad_requests:rate1h * 3600", {f"{{{AVAILABILITY}}}": 5}),
            ("20m", "sum by (outcome, code) (service:requests:rate)", {'{outcome="good", code="200"}': 1}),
            ("31m", "sum by (outcome, code) (service:requests:rate) > 0", {
                '{outcome="good", code="200"}': 1, '{outcome="bad", code="500"}': 5 / 300}),
        ],
        values={
            "metrics": {**NATIVE["metrics"], "requests": "http_request_duration_seconds_count"},
            "slis": {"latency": {"enabled": False}},
        },
    )  # fmt: skip
