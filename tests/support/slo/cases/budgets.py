"""Error budgets, metadata, thresholds, and how near alerts are."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import latencies, requests
from tests.support.slo.vocabulary import AVAILABILITY, LATENCY, record, recorded


def cases() -> Iterator[Case]:
    """What is left of the budget, against counts that are known exactly."""
    remaining = "slo:error_budget_remaining:ratio"
    # 30 hours with a busy and a quiet half, an outage in each: 1000 + 10 bad of 54 000 000 + 540 000
    # requests.
    traffic = [
        ("10h", 1000, 0),
        ("5m", 1000, 1 / 300),
        ("5h", 1000, 0),
        ("10h", 10, 0),
        ("10m", 10, 1 / 600),
        ("5h", 10, 0),
    ]
    bad, whole = (
        1000 + 10,
        sum(60 * int(d[:-1]) * (60 if d[-1] == "h" else 1) * rate for d, rate, _ in traffic),
    )
    left = 1 - bad / whole / 0.001
    yield Case(
        name="the budget that remains agrees with exact counts to 1 % of what was used",
        series=requests(traffic, "1m"),
        until="30h15m",
        queries=[
            ("30h15m", f"abs({remaining} - {left}) < bool {0.01 * (1 - left)}", {f"{{{AVAILABILITY}}}": 1}),
            ("30h15m", "slo:period_covered:ratio > bool 0", {f"{{{AVAILABILITY}}}": 1}),
        ],
        values={"slis": {"latency": {"enabled": False}}},
        every="1m",
        step="5m",
    )
    hour = {
        "period": "1h",
        "burnRates": {"critical": [{"long": "30m", "short": "5m", "budgetPercent": 50}], "warning": []},
    }
    yield Case(
        name="the covered share of the period grows to 1, and the metadata says what was promised",
        series={**latencies([("90m", 10, 0)])},
        until="90m",
        queries=[
            record("29m30s", "slo:period_covered:ratio", AVAILABILITY, 5 / 12),
            record("90m", "slo:period_covered:ratio", AVAILABILITY, 1),
            ("90m", "slo_info", {
                f'slo_info{{{AVAILABILITY}, objective="99.9", period="1h"}}': 1,
                f'slo_info{{{LATENCY}, objective="99", period="1h"}}': 1,
            }),
            ("90m", "slo:objective:ratio", {
                f"slo:objective:ratio{{{AVAILABILITY}}}": 0.999, f"slo:objective:ratio{{{LATENCY}}}": 0.99}),
            record("90m", "slo:latency_threshold:seconds", LATENCY, 0.5),
            ("90m", remaining, {f"{remaining}{{{AVAILABILITY}}}": 1, f"{remaining}{{{LATENCY}}}": 1}),
        ],
        chart=hour,
    )  # fmt: skip
    factors = {
        ("critical", "1h", "5m"): 14.4,
        ("critical", "6h", "30m"): 6,
        ("warning", "1d", "2h"): 3,
        ("warning", "3d", "6h"): 1,
    }
    pairs = {pair: f'severity="{pair[0]}", long="{pair[1]}", short="{pair[2]}"' for pair in factors}
    thresholds = {
        recorded("slo:burn_threshold:ratio", labels, text): factors[pair] * budget
        for labels, budget in ((AVAILABILITY, 0.001), (LATENCY, 0.01))
        for pair, text in pairs.items()
    }
    yield Case(
        name="the thresholds of all pairs of windows",
        series={},
        until="0s",
        queries=[("0s", "slo:burn_threshold:ratio", thresholds)],
    )
    # The window with the lower ratio decides how near an alert is: the long one at first, and then the short
    # one. Windows over 1h have the mean of the rates of 5m that were recorded. The rate of a counter that
    # starts from nothing is a little low: Prometheus does not extrapolate it below zero.
    progress = {
        "availability": {
            "25m": {"1h": 0.5280, "6h": 0.8062, "1d": 1.6124, "3d": 4.8373},
            "45m": {"1h": 0, "6h": 0.7409, "1d": 1.4818, "3d": 4.4455},
            "60m": {"1h": 0, "6h": 0, "1d": 1.0969, "3d": 3.2906},
        },
        "latency": {
            "25m": {"1h": 0.5556, "6h": 0.8791, "1d": 1.7582, "3d": 5.2747},
            "45m": {"1h": 0, "6h": 0.7797, "1d": 1.5595, "3d": 4.6784},
            "60m": {"1h": 0, "6h": 0, "1d": 1.1544, "3d": 3.4632},
        },
    }
    for indicator, series, ratio in (("availability", requests, 0.04), ("latency", latencies, 0.4)):
        near_by = f'slo:alert_progress:ratio{{slo="checkout-{indicator}"}}'
        asked = f"sum by (long, short, severity) (round({near_by}, 0.0001))"
        yield Case(
            name=f"how near each alert is: {indicator}",
            series=series([("20m", 1000, 0), ("5m", 1000, ratio), ("35m", 1000, 0)]),
            until="60m",
            queries=[
                (time, asked, {f"{{{pairs[pair]}}}": near[pair[1]] for pair in factors})
                for time, near in progress[indicator].items()
            ],
        )
