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
