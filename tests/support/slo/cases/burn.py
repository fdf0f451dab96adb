"""Budget burn alerts: each pair of windows, each threshold from both sides, and when they resolve.

Most cases begin with traffic a hundred times as heavy, without errors. It stands for a long good history:
windows that reach back to it stay low, so that one pair of windows can be seen alone.
"""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.cases.silence import six_an_hour
from tests.support.slo.series import TARGET, Traffic, latencies, requests, seconds, selector

Firing = dict[str, list[tuple[str, str]]]
"""By severity, the first and the last evaluation of each time that the alert fires."""

UNDER, OVER = 0.95, 1.06
"""A ratio just under and just over a threshold."""

HEAVY = 100_000
"""Requests per second of the long good history."""


def cases() -> Iterator[Case]:
    for index, (indicator, budget, series) in enumerate(
        (("Availability", 0.001, requests), ("Latency", 0.01, latencies))
    ):
        for name, traffic, firing, step in [*_critical(budget), *_warning(budget)]:
            alert = f"Checkout{indicator}BudgetBurn"
            every = "30s" if step == "30s" else "2m"
            yield Case(
                name=f"{indicator}: {name}",
                series=series(traffic, every),
                until=f"{sum(seconds(duration) for duration, *_ in traffic)}s",
                alerts=[alert],
                firing={(alert, severity): times for severity, times in firing[index].items()},
                queries=_progress(f"checkout-{indicator.lower()}") if "three good days" in name else (),
                every=every,
                step=step,
            )
    yield from _quiet()
    yield from _third_bad_request()


def _quiet() -> Iterator[Case]:
    """Six requests an hour, of which three in a row are bad: the third one is enough for an alert.

    The bad requests of windows over 1h are counted from the rates of 5m, which takes half of these 5 minutes.
    """
    failed = {selector("http_requests_total", **TARGET, code="500"): "0x299 1x9 2x9 3x160"}
    for indicator, series, ticket in (
        ("Availability", {**six_an_hour(), **failed}, "322m30s"),
        ("Latency", six_an_hour(slow=(30, 31, 32)), "322m"),
    ):
        alert = f"Checkout{indicator}BudgetBurn"
        yield Case(
            name=f"{indicator}: three bad requests at six requests an hour",
            series=series,
            until="8h",
            alerts=[alert],
            firing={
                (alert, "critical"): [("320m", "363m30s")],
                (alert, "warning"): [(ticket, "480m")],
            },
            every="1m",
        )


def _third_bad_request() -> Iterator[Case]:
    """Two bad requests a minute, while only one pair of windows has a ratio over its threshold.

    Each evaluation counts as 30 s of its rate, that is one bad request: the third exceeds the limit of 2.5.
    For the pair of 1d the ratio over 3d is low, because it has heavy traffic; for the pair of 3d one of the
    three is over 6h ago.
    """
    for indicator, budget, series in (("Availability", 0.001, requests), ("Latency", 0.01, latencies)):
        alert = f"Checkout{indicator}BudgetBurn"
        for window, factor, earlier, first, until in (
            ("1d", 5, [("1h", 1000, 0), ("25h", 0, 0)], "26h30m", "28h"),
            ("3d", 2, [("10m", 2 / 60 / (2 * budget), 2 * budget), ("7h", 0, 0)], "7h30m", "9h10m"),
        ):
            ratio = factor * budget
            yield Case(
                name=f"{indicator}: the third bad request in {window} decides",
                series=series([*earlier, ("2h", 2 / 60 / ratio, ratio)], "2m"),
                until=until,
                alerts=[alert],
                firing={(alert, "warning"): [(first, until)]},
                every="2m",
                step="10m",
            )


def _progress(slo: str) -> list[tuple[str, str, dict[str, float]]]:
    """How near the warnings are three hours into the fault, and three hours after it: 5 hours of it are 1.39
    budgets in 3d."""
    asked = f'sum by (long) (round(slo:alert_progress:ratio{{slo="{slo}", severity="warning"}}, 0.01))'
    return [
        ("75h", asked, {'{long="1d"}': 0.83, '{long="3d"}': 0.83}),
        ("80h", asked, {'{long="1d"}': 0, '{long="3d"}': 1.39}),
        ("84h", asked, {'{long="1d"}': 0, '{long="3d"}': 0}),
    ]


def _critical(budget: float) -> Iterator[tuple[str, Traffic, tuple[Firing, Firing], str]]:
    fast, slow = 14.4 * budget, 6 * budget
    yield (
        "5m decides when 1h is high",
        [
            *(("20m", HEAVY, 0), ("65m", 1000, 0), ("12m", 1000, 1)),
            *(("23m", 1000, UNDER * fast), ("15m", 1000, OVER * fast), ("25m", 1000, 0)),
        ],
        (
            {"critical": [("86m", "116m"), ("122m30s", "150m")], "warning": [("89m30s", "160m")]},
            {"critical": [("94m", "116m"), ("122m30s", "150m")]},
        ),
        "30s",
    )
    yield (
        "1h decides when 5m is high",
        [("20m", HEAVY, 0), ("75m", 1000, UNDER * fast), ("65m", 1000, OVER * fast)],
        ({"critical": [("122m30s", "160m")]},) * 2,
        "30s",
    )
    yield (
        "30m decides when 6h is high",
        [
            *(("4h", HEAVY, 0), ("6h", 1000, 0), ("30m", 1000, 1)),
            *(("2h", 1000, UNDER * slow), ("1h", 1000, OVER * slow), ("2h", 1000, 0)),
        ],
        (
            {"critical": [("10h5m", "11h10m"), ("12h45m", "13h45m")], "warning": [("10h30m", "15h30m")]},
            {"critical": [("10h10m", "11h10m"), ("12h45m", "13h45m")]},
        ),
        "5m",
    )
    yield (
        "6h decides when 30m is high",
        [("4h", HEAVY, 0), ("7h", 1000, UNDER * slow), ("6h", 1000, OVER * slow)],
        ({"critical": [("13h45m", "17h")]},) * 2,
        "5m",
    )


def _warning(budget: float) -> Iterator[tuple[str, Traffic, tuple[Firing, Firing], str]]:
    fast, slow = 3 * budget, 1 * budget
    yield (
        "2h decides when 1d is high",
        [
            *(("4h", HEAVY, 0), ("26h", 1000, 0), ("2h", 1000, 60 * budget)),
            *(("6h", 1000, UNDER * fast), ("3h", 1000, OVER * fast), ("5h", 1000, 0)),
        ],
        ({"critical": [("30h20m", "32h40m")], "warning": [("31h20m", "34h10m"), ("39h", "41h20m")]},) * 2,
        "10m",
    )
    yield (
        "1d decides when 2h is high",
        [("4h", HEAVY, 0), ("25h", 1000, UNDER * fast), ("24h", 1000, OVER * fast)],
        ({"warning": [("39h50m", "53h")]}, {"warning": [("40h", "53h")]}),
        "10m",
    )
    yield (
        "3d and 6h, just under and just over",
        [
            *(("11h", 1000, UNDER * slow), ("13h", 1000, OVER * slow)),
            *(("7h", 1000, UNDER * slow), ("2h", 1000, OVER * slow)),
        ],
        ({"warning": [("20h30m", "27h30m")]}, {"warning": [("20h10m", "27h30m")]}),
        "10m",
    )
    yield (
        "twenty times the budget after three good days",
        [("3d", 1000, 0), ("5h", 1000, 20 * budget), ("9h", 1000, 0)],
        ({"critical": [("72h50m", "77h30m")], "warning": [("75h40m", "83h")]},) * 2,
        "10m",
    )
