"""What tells about the present ends with the last target that answers."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.cases.routes import HISTOGRAM, answers
from tests.support.slo.series import TARGET, counter, gauge, selector
from tests.support.slo.vocabulary import SERVICE_LABELS, exactly

PRESENT = (
    "service:requests:rate",
    "service:latency_seconds:quantile",
    "service:route_requests:rate",
    "service:route_latency_seconds:mean",
    "service:route_latency_seconds:quantile",
    "service:pod_requests:rate",
    "service:pod_latency_seconds:quantile",
)


def cases() -> Iterator[Case]:
    labels = {**TARGET, "path": "/carts", "verb": "GET", "code": "200"}
    total = selector("http_requests_total", **labels)
    requests = answers(4, 0.15, until="10m", **labels) | {total: counter([("10m", 4)])}
    failed = {selector(f"{HISTOGRAM}_count", **{**labels, "code": "500"}): counter([("10m", 1)])}
    failed |= {selector("http_requests_total", **{**labels, "code": "500"}): counter([("10m", 1)])}
    failed |= {selector("http_requests_total", **{**labels, "code": "503"}): counter([("10m", 1)])}
    series = {name: f"{values} stale" for name, values in (requests | failed).items()}
    there = [("10m", f"count({name}{{{SERVICE_LABELS}}}) > bool 0", {"{}": 1}) for name in PRESENT]
    for what, up in (("down", 0), ("gone", None)):
        yield Case(
            name=f"nothing tells about the present from the evaluation on in which the last target is {what}",
            series=series | {selector("up", **TARGET): gauge([("10m", 1), ("10m", up)])},
            until="10m30s",
            queries=[*there, *(exactly("10m30s", name) for name in PRESENT)],
        )
    other = {**TARGET, "instance": "b", "pod": "b"}
    rates = "service:pod_requests:rate"
    a, b = ((f'pod="{pod}", outcome="good"', rate) for pod, rate in (("a", 4), ("b", 2)))
    both = series | {
        selector("up", **TARGET): gauge([("10m", 1), ("10m", 0)]),
        selector("up", **other): gauge([("20m", 1)]),
        **answers(2, 0.15, **{**labels, **other}),
        selector("http_requests_total", **{**labels, **other}): counter([("20m", 2)]),
    }
    yield Case(
        name="nothing tells about a pod that is down, though the other one answers",
        series=both,
        until="10m30s",
        queries=[
            exactly("10m", rates, a, b, ('pod="a", outcome="bad"', 2)),
            exactly("10m30s", rates, b),
            exactly("10m30s", PRESENT[-1], ('pod="b", quantile="0.99", of="good"', 0.198)),
            ("10m30s", "count(service:latency_seconds:quantile)", {"{}": 3}),
        ],
    )
    idle = answers(4, 0.15, until="10m", silence="10m", **labels)
    idle[total] = counter([("10m", 4), ("10m", 0)])
    yield Case(
        name="without traffic there are rates of 0, but no latency",
        series={selector("up", **TARGET): gauge([("20m", 1)]), **idle},
        until="20m",
        queries=[
            exactly("20m", "service:requests:rate", ('code="200", outcome="good"', 0)),
            exactly(
                "20m", "service:route_requests:rate", ('route="/carts", method="GET", outcome="good"', 0)
            ),
            exactly("20m", "service:pod_requests:rate", ('pod="a", outcome="good"', 0)),
            *(exactly("20m", name) for name in PRESENT if "latency" in name),
        ],
    )
