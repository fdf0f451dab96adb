"""Requests and latency by route and method, from every kind of metric."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, counter, gauge, selector
from tests.support.slo.vocabulary import NATIVE, exactly

REQUESTS = "service:route_requests:rate"
MEAN, QUANTILE = (f"service:route_latency_seconds:{name}" for name in ("mean", "quantile"))
LIST, CREATE = 'route="/carts", method="GET"', 'route="/carts", method="POST"'
GOOD, BAD, OF, SLOWEST = 'outcome="good"', 'outcome="bad"', 'of="good"', 'quantile="0.99"'
HISTOGRAM = "http_request_duration_seconds"


def answers(
    rate: float,
    mean: float,
    until: str = "20m",
    *,
    silence: str = "0s",
    name: str = HISTOGRAM,
    scale: int = 1,
    **labels: str,
) -> dict[str, str]:
    """A histogram of so many requests per second, then none: half take up to 0.1 s, the others up to 0.2."""
    counts = {f"{0.1 * scale:g}": rate / 2, f"{0.2 * scale:g}": rate, "+Inf": rate}
    return {
        selector(f"{name}_count", **labels): counter([(until, rate), (silence, 0)]),
        selector(f"{name}_sum", **labels): counter([(until, rate * mean * scale), (silence, 0)]),
        **{
            selector(f"{name}_bucket", **labels, le=le): counter([(until, count), (silence, 0)])
            for le, count in counts.items()
        },
    }


def two_pods(name: str = HISTOGRAM, scale: int = 1) -> dict[str, str]:
    """Two pods with 6 GETs and 3 POSTs a second in all; half of the POSTs fail, slowly."""
    found: dict[str, str] = {}
    for pod, share in (("a", 2), ("b", 1)):
        target = {**TARGET, "instance": pod, "pod": pod}
        found[selector("up", **target)] = gauge([("20m", 1)])
        for verb, code, rate, mean in (
            ("GET", "200", 2, 0.15),
            ("POST", "200", 0.4, 0.25),
            ("POST", "500", 0.4, 10),
        ):
            labels = {**target, "path": "/carts", "verb": verb, "code": code}
            found |= answers(rate * share, mean, name=name, scale=scale, **labels)
    return found


def strangers() -> dict[str, str]:
    """The same metrics of another job and of another namespace."""
    found: dict[str, str] = {}
    for other in ({"job": "payment"}, {"namespace": "test"}):
        target = {**TARGET, **other}
        found[selector("up", **target)] = gauge([("20m", 1)])
        for code in ("200", "500"):
            found |= answers(50, 0.05, **target, path="/carts", verb="GET", code=code)
    return found


COUNTS = exactly(
    "20m", REQUESTS, (f"{LIST}, {GOOD}", 6), (f"{CREATE}, {GOOD}", 1.2), (f"{CREATE}, {BAD}", 1.2)
)
MEANS = exactly("20m", MEAN, (f"{LIST}, {OF}", 0.15), (f"{CREATE}, {OF}", 0.25))
QUANTILES = exactly(
    "20m", QUANTILE, (f"{LIST}, {SLOWEST}, {OF}", 0.198), (f"{CREATE}, {SLOWEST}, {OF}", 0.198)
)


def cases() -> Iterator[Case]:
    yield Case(
        name="requests and latency by route, of two pods, without those of others",
        series=two_pods() | strangers(),
        until="20m",
        queries=[COUNTS, MEANS, QUANTILES],
    )
    milliseconds = "http_request_duration_milliseconds"
    yield Case(
        name="latency by route of a histogram in milliseconds is in seconds",
        series=two_pods(milliseconds, 1000),
        until="20m",
        queries=[MEANS, QUANTILES],
        values={"metrics": {"duration": milliseconds, "unit": "milliseconds"}},
    )
    yield Case(
        name="a summary has means by route, but no quantiles",
        series=two_pods(),
        until="20m",
        queries=[COUNTS, MEANS, exactly("20m", QUANTILE)],
        values={"metrics": {"duration": HISTOGRAM, "durationType": "summary"}},
    )
    yield _first_requests()
    yield _native()
    yield _several_matchers()
    labels = {**TARGET, "path": "/carts", "verb": "GET"}
    counted = {
        selector("up", **TARGET): gauge([("20m", 1)]),
        selector("http_requests_total", **labels, code="200"): counter([("20m", 3)]),
        selector("http_requests_total", **labels, code="500"): counter([("20m", 1)]),
        **answers(4, 0.15, **labels),
    }
    counts = exactly("20m", REQUESTS, (f"{LIST}, {GOOD}", 3), (f"{LIST}, {BAD}", 1))
    yield Case(
        name="requests by route are those of the counter if the histogram cannot tell errors",
        series=counted,
        until="20m",
        queries=[
            counts,
            exactly("20m", MEAN, (f'{LIST}, of="all"', 0.15)),
            exactly("20m", QUANTILE, (f'{LIST}, {SLOWEST}, of="all"', 0.198)),
        ],
        values={"metrics": {"duration": HISTOGRAM, "durationHasErrors": False}},
    )
    yield Case(
        name="requests by route are those of the counter if there is no histogram",
        series=counted,
        until="20m",
        queries=[counts, exactly("20m", MEAN), exactly("20m", QUANTILE)],
        values={"metrics": {"duration": ""}},
    )
    yield Case(
        name="without a label for the route nothing is recorded by route",
        series=counted,
        until="20m",
        queries=[exactly("20m", name) for name in (REQUESTS, MEAN, QUANTILE)],
        values={"labels": {}},
    )


def _first_requests() -> Case:
    """Series that are born with the first error, and with the first requests of a route."""
    labels = {**TARGET, "path": "/carts", "verb": "GET"}
    new = {**labels, "path": "/new", "code": "200"}
    series = {
        selector("up", **TARGET): gauge([("20m", 1)]),
        **answers(4, 0.15, **labels, code="200"),
        selector(f"{HISTOGRAM}_count", **labels, code="500"): "_x30 3x10",
        selector(f"{HISTOGRAM}_count", **new): "_x30 3x10",
        selector(f"{HISTOGRAM}_sum", **new): "_x30 9x10",
        selector(f"{HISTOGRAM}_bucket", **new, le="4"): "_x30 3x10",
        selector(f"{HISTOGRAM}_bucket", **new, le="+Inf"): "_x30 3x10",
    }
    route = 'route="/new", method="GET"'
    return Case(
        name="the first error and the first requests of a route count",
        series=series,
        until="17m",
        queries=[
            exactly(
                "17m", REQUESTS, (f"{LIST}, {GOOD}", 4), (f"{LIST}, {BAD}", 0.01), (f"{route}, {GOOD}", 0.01)
            ),
            exactly("17m", MEAN, (f"{LIST}, {OF}", 0.15), (f"{route}, {OF}", 3)),
            exactly(
                "17m", QUANTILE, (f"{LIST}, {SLOWEST}, {OF}", 0.198), (f"{route}, {SLOWEST}, {OF}", 3.96)
            ),
        ],
    )


def _native() -> Case:
    """A native histogram with buckets up to 1 and up to 2 seconds, with half of the requests each."""
    step = "{{schema:0 count:30 sum:45 buckets:[15 15]}}"
    labels = {**TARGET, "path": "/carts", "verb": "GET"}
    slow = 2**0.98  # within a bucket of a native histogram the distribution is exponential
    return Case(
        name="requests and latency from a native histogram, without quantiles where there is no request",
        series={
            selector("up", **TARGET): gauge([("20m", 1)]),
            selector(HISTOGRAM, **labels, code="200"): f"{step}+{step}x40",
            selector(HISTOGRAM, **labels, code="500"): f"{step}+{step}x40",
            selector(HISTOGRAM, **{**labels, "path": "/idle"}, code="200"): f"{step}x40",
        },
        until="20m",
        queries=[
            exactly(
                "20m",
                REQUESTS,
                (f"{LIST}, {GOOD}", 1),
                (f"{LIST}, {BAD}", 1),
                (f'route="/idle", method="GET", {GOOD}', 0),
            ),
            exactly("20m", MEAN, (f"{LIST}, {OF}", 1.5)),
            exactly("20m", QUANTILE, (f"{LIST}, {SLOWEST}, {OF}", slow)),
            exactly("20m", "service:pod_requests:rate", (f'pod="a", {GOOD}', 1), (f'pod="a", {BAD}', 1)),
            exactly("20m", "service:pod_latency_seconds:quantile", (f'pod="a", {SLOWEST}, {OF}', slow)),
            exactly(
                "20m",
                "service:latency_seconds:quantile",
                (f"{SLOWEST}, {OF}", slow),
                (f'quantile="0.9", {OF}', 2**0.8),
                (f'quantile="0.5", {OF}', 1),
            ),
        ],
        values={
            "metrics": {**NATIVE["metrics"], "requests": f"{HISTOGRAM}_count"},
            "slis": {"latency": {"threshold": 1}},
        },
    )


def _several_matchers() -> Case:
    """Errors that have two labels: no matcher selects the good requests alone."""
    series = {selector("up", **TARGET): gauge([("20m", 1)])}
    for code, kind, rate in (("200", "", 5), ("500", "", 2), ("500", "crash", 1), ("503", "crash", 3)):
        labels = {**TARGET, "code": code, "kind": kind, "path": "/carts", "verb": "GET"}
        series |= answers(rate, 0.15, **labels)
        series[selector("http_requests_total", **labels)] = counter([("20m", rate)])
    errors = {"match": {"kind": "crash"}, "regexMatch": {"code": "5.."}}
    return Case(
        name="where several labels tell an error, all other requests are good",
        series=series,
        until="20m",
        queries=[
            exactly(
                "20m",
                "service:requests:rate",
                (f'code="200", {GOOD}', 5),
                (f'code="500", {GOOD}', 2),
                (f'code="503", {GOOD}', 0),
                (f'code="500", {BAD}', 1),
                (f'code="503", {BAD}', 3),
            ),
            exactly("20m", REQUESTS, (f"{LIST}, {GOOD}", 7), (f"{LIST}, {BAD}", 4)),
            exactly("20m", "service:pod_requests:rate", (f'pod="a", {GOOD}', 7), (f'pod="a", {BAD}', 4)),
        ],
        values={"metrics": {"duration": HISTOGRAM, "errors": errors}},
    )
