"""Rates and ratios, with and without traffic."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import requests
from tests.support.slo.vocabulary import AVAILABILITY, SERVICE_LABELS, record


def cases() -> Iterator[Case]:
    pods = [{"instance": name, "pod": name} for name in ("a", "b")]
    series = {**requests([("2h", 6, 0.25)], **pods[0]), **requests([("2h", 2, 0)], **pods[1])}
    queries = []
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"):
        if window in ("5m", "30m", "1h"):
            queries += [
                record("2h", f"slo:requests:rate{window}", AVAILABILITY, 8),
                record("2h", f"slo:bad_requests:rate{window}", AVAILABILITY, 1.5),
            ]
        queries += [record("2h", f"slo:bad_requests_per_requests:ratio_rate{window}", AVAILABILITY, 1.5 / 8)]
    queries += [
        ("2h", "service:requests:rate", {
            f'service:requests:rate{{{SERVICE_LABELS}, code="200", outcome="good"}}': 6.5,
            f'service:requests:rate{{{SERVICE_LABELS}, code="500", outcome="bad"}}': 1.5,
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
    yield Case(
        name="without any error there is a ratio, which is 0, and without any request there is none",
        series=requests([("20m", 4, 0), ("70m", 0, 0)]),
        until="90m",
        queries=[
            record("20m", f"{ratio}5m", AVAILABILITY, 0),
            record("20m", f"{ratio}1d", AVAILABILITY, 0),
            record("90m", f"{ratio}30m", AVAILABILITY, None),
            record("90m", f"{ratio}1h", AVAILABILITY, None),
            record("90m", f"{ratio}1d", AVAILABILITY, 0),
        ],
        values={"slis": {"latency": {"enabled": False}}},
    )
    yield Case(
        name="all windows are without a ratio if there was no request at all",
        series=requests([("30m", 0, 0)]),
        until="30m",
        queries=[
            record("30m", f"{ratio}{window}", AVAILABILITY, None)
            for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
        ],
        values={"slis": {"latency": {"enabled": False}}},
    )
