"""The theory of burn rates agrees with what is known about the real windows, and judges measured times."""

import math
from dataclasses import replace

import pytest

from lab.drills.drill import Expected
from lab.drills.result import LATE_SECONDS, SOON_SECONDS, Span
from lab.drills.session import PIPELINE_SECONDS
from lab.drills.theory import Burn, burn, seconds

MONTH = 30 * 24 * 3600
VALUES = {
    "global": {"monitoring": {"speed": 1}},
    "slo": {
        "period": "30d",
        "burnRates": {
            "critical": [
                {"long": "1h", "short": "5m", "budgetPercent": 2},
                {"long": "6h", "short": "30m", "budgetPercent": 5},
            ]
        },
        "defaults": {"minBadRequests": 3, "slis": {"availability": {"objective": 99.9}}},
        "services": {"shop": {}, "lax": {"slis": {"availability": {"objective": 90}}}},
    },
}
LABELS = {"severity": "critical", "slo_indicator": "availability"}


def of(bad_ratio: float, service: str = "shop", rate: float = 24) -> Burn:
    expected = Expected(bad_ratio=bad_ratio, requests_per_second=rate)
    return burn(VALUES, LABELS, expected, MONTH, service)


@pytest.mark.parametrize(
    ("bad_ratio", "wanted"),
    [
        (1, 0.0144 * 3600),
        (0.1, 0.144 * 3600),
        (0.001, math.inf),  # within the budget
    ],
)
def test_the_time_to_detect_is_the_share_of_the_window_that_must_be_bad(bad_ratio, wanted):
    assert of(bad_ratio).begins() == pytest.approx(wanted, abs=0.2)


def test_a_threshold_is_never_more_than_nine_tenths():
    assert [window.threshold for window in of(1, "lax").windows] == pytest.approx([0.9, 0.6])


def test_few_bad_requests_fire_later():
    quiet = replace(of(1), requests_per_second=0.01, history=0)
    assert quiet.begins() == pytest.approx(250, abs=1)  # until 2.5 requests are bad


def test_the_alert_ends_when_the_short_window_is_clean_enough():
    # Two minutes of outage: 6.7 % of the 30 minutes must fall below 0.6 %, but the 6 hours are below theirs.
    assert of(1).ends(120) == pytest.approx(300 - 0.0144 * 300, abs=1)
    assert of(0.001).ends(120) == 0


def test_a_fault_during_which_fewer_requests_are_sent_weighs_less():
    assert of(1, rate=12).begins() == pytest.approx(2 * of(1).begins(), rel=0.02)


def test_speed_divides_every_window():
    fast = VALUES | {"global": {"monitoring": {"speed": 60}}}
    found = burn(fast, LABELS, Expected(bad_ratio=0.1), MONTH, "shop")
    assert [(window.long, window.short) for window in found.windows] == [(60, 5), (360, 30)]


def test_durations_are_read():
    read = [seconds(text) for text in ("", "2500ms", "5s", "2m", "1h", "3d")]
    assert read == [0, 2.5, 5, 120, 3600, 259200]


def test_a_time_outside_its_tolerance_is_wrong():
    span = Span(10, 10 + PIPELINE_SECONDS)
    assert str(span) == "10.0–15.0"  # noqa: RUF001 - a range has an en dash
    assert span.too_soon(10 - SOON_SECONDS - 0.1)
    assert not span.too_soon(10 - SOON_SECONDS + 0.1)
    assert span.limit == 10 + PIPELINE_SECONDS + LATE_SECONDS
