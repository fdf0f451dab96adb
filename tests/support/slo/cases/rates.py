"""Rates and ratios, with and without traffic."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import latencies, requests
from tests.support.slo.vocabulary import AVAILABILITY, LATENCY, SERVICE_LABELS, record


def cases() -> Iterator[Case]:
    pods = [{"instance": name, "pod": name} for name in ("a", "b")]
    series = {**requests([("2h", 6, 0.25)], **pods[0]), **requests([("2h", 2, 0.25)], **pods[1])}
    queries = []
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"):
        if window in ("5m", "30m", "1h"):
            queries += [
                record("2h", f"slo:requests:rate{window}", AVAILABILITY, 8),
                record("2h", f"slo:bad_requests:rate{window}", AVAILABILITY, 2),
            ]
        queries += [record("2h", f"slo:bad_requests_per_requests:ratio_rate{window}", AVAILABILITY, 2 / 8)]
    queries += [
        ("2h", "service:requests:rate", {
            f'service:requests:rate{{{SERVICE_LABELS}, code="200", outcome="good"}}': 6,
            f'service:requests:rate{{{SERVICE_LABELS}, code="500", outcome="bad"}}': 2,
        }),
        record("2h", "service:targets:up", SERVICE_LABELS, 2),
        record("2h", "service:targets:expected", SERVICE_LABELS, 2),
    ]  # fmt: skip
    yield Case(
        name="rates and ratios of two pods are added up",
        series=series,
        until="2h",
        queries=queries,
        values={"slis": {"latency": {"enabled": False}}},
    )
    ratio = "slo:bad_requests_per_requests:ratio_rate"
    yield Case(
        name="without traffic there is no ratio, and short silence does not spoil long windows",
        series=requests([("20m", 4, 0.5), ("20m", 0, 0), ("20m", 4, 0.5)]),
        until="60m",
        queries=[
            record("20m", f"{ratio}5m", AVAILABILITY, 0.5),
            record("30m", f"{ratio}5m", AVAILABILITY, None),
            record("30m", "slo:bad_requests:rate5m", AVAILABILITY, 0),
            *(record("30m", f"{ratio}{window}", AVAILABILITY, 0.5) for window in ("1h", "6h", "1d", "30d")),
            record("60m", f"{ratio}30d", AVAILABILITY, 0.5),
        ],
        values={"slis": {"latency": {"enabled": False}}},
    )
    for name, labels, series in (("availability", AVAILABILITY, requests), ("latency", LATENCY, latencies)):
        yield Case(
            name=f"without errors the ratio is 0, and without requests there is none: {name}",
            series=series([("20m", 0.5, 0), ("70m", 0, 0)]),
            until="90m",
            queries=[
                *(
                    record("20m", f"slo:bad_requests:rate{window}", labels, 0)
                    for window in ("5m", "30m", "1h")
                ),
                *(record("20m", f"{ratio}{window}", labels, 0) for window in ("5m", "1h", "1d")),
                *(record("90m", f"{ratio}{window}", labels, None) for window in ("30m", "1h")),
                *(record("90m", f"slo:bad_requests:rate{window}", labels, 0) for window in ("30m", "1h")),
                record("90m", f"{ratio}1d", labels, 0),
            ],
        )
    for name, labels, series in (
        ("availability", AVAILABILITY, requests),
        ("latency", LATENCY, latencies),
    ):
        # A day of 100 requests a second, of which 1 % fail, and four of 1000, of which none do.
        ratios = {"6h": 0, "1d": 0, "3d": 0, "30d": 0.01 * 100 / (100 + 4 * 1000)}
        yield Case(
            name=f"the period still has the first day's errors, weighted by traffic: {name}",
            series=series([("1d", 100, 0.01), ("4d", 1000, 0)], "2m"),
            until="120h",
            queries=[
                ("120h", f"sum(round({ratio}{window}{{{labels}}}, 0.00001))", {"{}": round(expected, 5)})
                for window, expected in ratios.items()
            ],
            every="2m",
            step="30m",
        )
    yield Case(
        name="all windows are without a ratio if there was no request at all",
        series=latencies([("30m", 0, 0)]),
        until="30m",
        queries=[
            record("30m", f"{ratio}{window}", labels, None)
            for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
            for labels in (AVAILABILITY, LATENCY)
        ],
    )
