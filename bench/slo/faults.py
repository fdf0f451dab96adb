"""The cases that are compared: faults, cases in which no alert should fire, error budgets, and sizes."""

from __future__ import annotations

import math
from collections.abc import Callable

from bench.slo.traffic import BUSY, DAY, HOUR, MINUTE, USUAL, Case

QUIET = 6 / HOUR
"""Requests per second of a quiet service: six an hour."""


def after(share: float, usual: float = USUAL) -> Callable[[int], float]:
    """A share of failures that begins at the onset."""
    return lambda t: share if t >= 0 else usual


def swing(t: int) -> float:
    """Requests per second that swing daily between 0.5 and 19.5; at the onset they are fewest."""
    return BUSY * (1 - 0.95 * math.cos(2 * math.pi * t / DAY))


FAULTS = (
    Case("total", "Total outage", ratio=after(1), watch=9 * HOUR),
    Case("ten", "10 % fail", ratio=after(0.1), watch=9 * HOUR),
    Case("two", "2 % fail", ratio=after(0.02), watch=56 * HOUR),
    Case("fifth", "0.2 % fail", ratio=after(0.002), watch=56 * HOUR),
)
QUIET_OUTAGE = Case(
    "quiet-total", "Total outage at 6 requests/h", lambda _: QUIET, after(1, 0), pods=1, watch=9 * HOUR
)
BORN = Case(
    "born", "10 % fail, on series born with the fault", ratio=after(0.1, 0), born=True, watch=9 * HOUR
)
SILENCE = (
    Case(
        "one-failure", "One failure at 6 requests/h", lambda _: QUIET, lambda t: float(0 <= t < 600), pods=1
    ),
    Case("no-traffic", "Traffic ends", lambda t: BUSY if t < 0 else 0),
    Case("reset", "Counters are reset", restart="reset"),
    Case("rolling", "Rolling restart of the pods", pods=3, restart="rolling"),
    Case(
        "no-series",
        "A restart at 6 requests/h: no series until the next request",
        lambda t: 0 if 0 <= t < HOUR else QUIET,
        lambda _: 0,
        pods=1,
        restart="reset",
        absent=HOUR,
    ),
    Case("gap", "Prometheus is down for 20 minutes", gap=20 * MINUTE),
    Case("swing", "Traffic swings daily", swing, lambda _: 0.0005, watch=DAY),
    Case("below-ticket", "Burn rate of 0.95, below that of tickets", ratio=after(0.00095), watch=2 * DAY),
    Case("below-page", "Burn rate of 5.7, below that of pages", ratio=after(0.0057), watch=9 * HOUR),
    Case(
        "first-error",
        "One error, on a series born with it",
        ratio=lambda t: 1 / 300 if 0 <= t < 30 else 0,
        born=True,
    ),
)
MONTH = 30 * DAY + HOUR
BUDGETS = (
    Case(
        "night-faults",
        "Traffic swings daily; three hours of 20 % failures, each at night",
        swing,
        lambda t: 0.2 if t // DAY in (-20, -12, -4) and t % DAY < HOUR else USUAL,
        watch=0,
        history=MONTH,
    ),
    Case(
        "silent-minutes",
        "20 minutes without requests; 0.05 % fail",
        lambda t: 0 if -10 * DAY <= t < -10 * DAY + 20 * MINUTE else BUSY,
        lambda _: 0.0005,
        watch=0,
        history=MONTH,
    ),
    Case(
        "born-each",
        "Each error is the first of its series",
        lambda _: 0.1,
        lambda _: 0.0005,
        watch=0,
        history=MONTH,
        pods=1,
        each=True,
    ),
)
SIZES = tuple(
    Case(
        f"size-{series}",
        f"{series} series",
        ratio=lambda _: 0.0005,
        watch=0,
        history=MONTH,
        pods=series // 5,
        codes=("200", "201", "204", "404"),
    )
    for series in (10, 20, 30)
)
"""Services with that many series, a fifth of them of errors."""
