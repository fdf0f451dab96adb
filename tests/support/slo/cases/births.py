"""Series that are born with their first event."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, counter, gauge, selector


def cases() -> Iterator[Case]:
    """A series that is born with its first error counts truly, if its target was scraped before."""
    only = {"slis": {"latency": {"enabled": False}}}
    total = selector("http_requests_total", **TARGET, code="200")
    whole = {selector("up", **TARGET): gauge([("2h", 1)]), total: counter([("2h", 10)])}
    count = "slo:bad_requests:rate1h * 3600"
    routes = {
        selector(
            "http_requests_total", **TARGET, code="500", route=f"/{number}"
        ): f"_x{60 + number} 1x{180 - number}"
        for number in range(40)
    }
    yield Case(
        name="each of forty series that are born with their only error counts",
        series={**whole, **routes},
        until="2h",
        queries=[
            ("60m", f"sum({count})", {"{}": 40}),
            ("60m", "sum(service:requests:rate5m or vector(1))", {"{}": 1}),
        ],
        values=only,
    )
    yield Case(
        name="without `lazy` the errors that series are born with are lost",
        series={**whole, **routes},
        until="60m",
        queries=[("60m", f"sum({count})", {"{}": 0})],
        values={**only, "metrics": {"lazy": False}},
    )
    new = {**TARGET, "instance": "b", "pod": "b"}
    yield Case(
        name="errors from before a target was scraped do not count",
        series={
            **whole,
            selector("up", **new): gauge([("30m", None), ("90m", 1)]),
            selector("http_requests_total", **new, code="500"): "_x60 5000x180",
        },
        until="60m",
        queries=[("40m", f"sum({count})", {"{}": 0}), ("60m", f"sum({count})", {"{}": 0})],
        values=only,
    )
    yield Case(
        name="a series that comes back after its target was down is not new",
        series={
            **whole,
            selector("up", **TARGET): gauge([("20m", 1), ("10m", 0), ("60m", 1)]),
            selector("http_requests_total", **TARGET, code="500"): "5000x40 stale _x18 5000x120",
        },
        until="60m",
        queries=[
            ("40m", "sum(slo:bad_requests:rate5m)", {"{}": 0}),
            ("35m30s", "sum(slo:bad_requests:rate5m)", {"{}": 0}),
        ],
        values=only,
    )
    yield _every_window()
    yield _quantiles()


def _every_window() -> Case:
    """Births count in each window, for requests and for latency; other targets' counters are not births."""
    name = "http_request_duration_seconds"
    own = {
        selector("http_requests_total", **TARGET, code="200"): (10, 0),
        selector("http_requests_total", **TARGET, code="200", route="/new"): (None, 40),
        selector("http_requests_total", **TARGET, code="500", route="/new"): (None, 5),
        selector(f"{name}_count", **TARGET, code="200"): (10, 0),
        selector(f"{name}_count", **TARGET, code="200", route="/new"): (None, 40),
        selector(f"{name}_sum", **TARGET, code="200"): (1, 0),
        selector(f"{name}_sum", **TARGET, code="200", route="/new"): (None, 80),
        selector(f"{name}_bucket", **TARGET, code="200", le="0.5"): (10, 0),
        selector(f"{name}_bucket", **TARGET, code="200", route="/new", le="0.5"): (None, 10),
    }
    series = {selector("up", **TARGET): gauge([("70m", 1)])}
    for each, (rate, jump) in own.items():
        series[each] = counter([("70m", rate)]) if rate else f"_x130 {jump}x10"
    # Other targets: in another namespace, of another job, down until now, and scraped for the first time.
    for target, up in (
        ({"namespace": "test"}, gauge([("70m", 1)])),
        ({"job": "payment"}, gauge([("70m", 1)])),
        ({"instance": "b"}, gauge([("66m", 0), ("4m", 1)])),
        ({"instance": "c"}, gauge([("66m", None), ("4m", 1)])),
    ):
        labels = {**TARGET, **target}
        series[selector("up", **labels)] = up
        for code in ("200", "500"):
            series[selector("http_requests_total", **labels, code=code)] = "_x133 7000x7"
        for part in ("count", "sum"):
            series[selector(f"{name}_{part}", **labels, code="200")] = "_x133 7000x7"
        series[selector(f"{name}_bucket", **labels, code="200", le="0.5")] = "_x133 7000x7"
    queries = []
    for window, length in (("5m", 300), ("30m", 1800), ("1h", 3600)):
        for record, indicator, count in (
            ("slo:requests", "availability", 45),
            ("slo:bad_requests", "availability", 5),
            ("slo:requests", "latency", 40),
            ("slo:bad_requests", "latency", 30),
        ):
            steady = 10 if record == "slo:requests" else 0
            rate = f'{record}:rate{window}{{slo="checkout-{indicator}"}}'
            asked = f"sum(round({rate} * {length} - {steady * length}))"
            queries.append(("68m", asked, {"{}": count}))
    births = "sum by (code) (round(service:requests:rate * 300))"
    queries.append(("68m", births, {'{code="200"}': 3040, '{code="500"}': 5}))
    by_pod = "sum by (outcome) (round(service:pod_requests:rate * 300))"
    queries.append(("68m", by_pod, {'{outcome="good"}': 3040, '{outcome="bad"}': 5}))
    by_route = "sum by (outcome) (round(service:route_requests:rate * 300))"
    queries.append(("68m", by_route, {'{outcome="good"}': 3040}))
    queries.append(("68m", "sum(round(service:route_latency_seconds:mean, 0.001))", {"{}": 0.125}))
    return Case(
        name="births count in each window, and counters of targets that were not scraped before do not",
        series=series,
        until="68m",
        queries=queries,
        step="1m",
    )


def _quantiles() -> Case:
    """Quantiles count births beside steady traffic, but no counters of targets not scraped before."""
    name = "http_request_duration_seconds_bucket"
    up = {
        "a": gauge([("70m", 1)]),
        "b": gauge([("66m", 0), ("4m", 1)]),  # down until now
        "c": gauge([("66m", None), ("4m", 1)]),  # scraped for the first time
    }
    series = {selector("up", **{**TARGET, "instance": each}): values for each, values in up.items()}
    # One fast request a second; 10 fast and 30 slow ones are the first of their series; errors do not count.
    for le, born in (("0.5", 10), ("1.0", 40), ("+Inf", 40)):
        series[selector(name, **TARGET, code="200", le=le)] = counter([("70m", 1)])
        series[selector(name, **TARGET, code="200", route="/new", le=le)] = f"_x130 {born}x10"
        series[selector(name, **TARGET, code="500", route="/new", le=le)] = (
            f"_x130 {900 if le == '+Inf' else 0}x10"
        )
        for each in ("b", "c"):
            other = {**TARGET, "instance": each, "code": "200", "le": le}
            series[selector(name, **other)] = f"_x133 {7000 if le == '+Inf' else 0}x7"
    fast, all_requests = 1 + 10 / 300, 1 + 40 / 300
    expected = {
        "0.5": 0.5 * 0.5 * all_requests / fast,
        "0.9": 0.5 * 0.9 * all_requests / fast,
        "0.99": 0.5 + 0.5 * (0.99 * all_requests - fast) / (30 / 300),
    }
    asked = "sum by (quantile) (round(service:latency_seconds:quantile * 10000))"
    return Case(
        name="quantiles of latency count births, and not counters of targets that were not scraped before",
        series=series,
        until="68m",
        queries=[
            (
                "68m",
                asked,
                {f'{{quantile="{each}"}}': round(value * 10000) for each, value in expected.items()},
            ),
            *(
                ("68m", f"sum(round({name} * 10000))", {"{}": round(expected["0.99"] * 10000)})
                for name in ("service:route_latency_seconds:quantile", "service:pod_latency_seconds:quantile")
            ),
        ],
    )
