"""The presets of charts/slo on real libraries: what is recorded is what was sent."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from lab import ROOT
from lab.render.chart import load_yaml
from tests.presets.applications import APPLICATIONS, Application
from tests.presets.run import STEADY, WINDOW, Recorded
from tests.presets.servers import WRONG
from tests.presets.traffic import SLOW, Answer, Request

PRESETS = load_yaml((ROOT / "charts/slo/files/presets.yaml").read_text())
pytestmark = pytest.mark.timeout(900)  # the first run builds the applications
live = pytest.mark.live
every_application = pytest.mark.parametrize("preset", APPLICATIONS)


def codes(application: Application, requests: Sequence[Request], *, failed: bool) -> dict[str, int]:
    """The number of requests by recorded code, of those that failed or of the others."""
    statuses = [request.status for request in requests if request.failed == failed]
    return Counter(application.codes.get(status, str(status)) for status in statuses)


def timed(application: Application, answers: Sequence[Answer]) -> list[Answer]:
    """The answers that the latency indicator covers."""
    return [
        answer
        for answer in answers
        if (application.latency_of == "all" or not answer.request.failed)
        and (application.crash_is_timed or not answer.request.crashes)
    ]


def check_counts(
    recorded: Recorded, service: str, application: Application, requests: Sequence[Request], off: int = 0
) -> None:
    """Compare all counts of the availability indicator with the requests of a window.

    Counts may be off by that many requests or by a tenth; with 0 they must be exact.
    """

    def close(value: Any) -> Any:
        return pytest.approx(value, rel=0.1 if off else 1e-9, abs=off)

    indicator = {"slo_indicator": "availability"}
    bad = sum(request.failed for request in requests)
    assert recorded.value("slo:requests:rate5m", service, **indicator) * WINDOW == close(len(requests))
    assert recorded.value("slo:bad_requests:rate5m", service, **indicator) * WINDOW == close(bad)
    ratio = recorded.value("slo:bad_requests_per_requests:ratio_rate5m", service, **indicator)
    assert ratio == pytest.approx(bad / len(requests), rel=0.15 if off else 1e-9)
    for outcome, failed in (("bad", True), ("good", False)):
        found = recorded.values("code", "service:requests:rate", service, outcome=outcome)
        counts = {code: rate * WINDOW for code, rate in found.items() if rate}
        assert counts == close(codes(application, requests, failed=failed)), outcome


@live
@every_application
def test_a_burst_that_gives_birth_to_all_series_is_counted_exactly(proven, preset):
    application = APPLICATIONS[preset]
    requests = [answer.request for answer in proven.burst[preset]]
    check_counts(proven.after_burst, preset, application, requests)
    covered = timed(application, proven.burst[preset])
    indicator = {"slo_indicator": "latency"}
    total = proven.after_burst.value("slo:requests:rate5m", preset, **indicator) * WINDOW
    bad = proven.after_burst.value("slo:bad_requests:rate5m", preset, **indicator) * WINDOW
    assert total == pytest.approx(len(covered))
    slow = sum(answer.request.milliseconds == SLOW for answer in covered)
    # On a busy machine others are slow too; the server cannot have taken longer than the client saw.
    assert slow - 1e-6 <= bad <= sum(answer.seconds > application.threshold for answer in covered) + 1e-6


@live
@every_application
def test_rates_are_those_of_steady_traffic(proven, preset):
    application = APPLICATIONS[preset]
    check_counts(proven.after_steady, preset, application, STEADY * round(WINDOW), off=3)
    of = [request for request in STEADY if application.latency_of == "all" or not request.failed]
    indicator = {"slo_indicator": "latency"}
    ratio = proven.after_steady.value("slo:bad_requests_per_requests:ratio_rate5m", preset, **indicator)
    assert ratio == pytest.approx(sum(r.milliseconds == SLOW for r in of) / len(of), rel=0.15)


@live
@every_application
@pytest.mark.parametrize("time", ["burst", "steady"])
def test_latency_is_recorded_in_seconds(proven, preset, time):
    application = APPLICATIONS[preset]
    metrics = PRESETS[preset]["metrics"] | application.values.get("metrics", {})
    bounds = [bound / (1000 if metrics["unit"] == "milliseconds" else 1) for bound in metrics["bounds"]]
    seconds = sorted(answer.seconds for answer in timed(application, getattr(proven, time)[preset]))
    recorded = getattr(proven, f"after_{time}").values("quantile", "service:latency_seconds:quantile", preset)
    assert recorded.keys() == {"0.5", "0.9", "0.99"}
    # The median is fast. Quantiles are known up to the bucket, and what the client saw is an upper limit.
    assert 0 < recorded["0.5"] <= min(bound for bound in bounds if bound >= seconds[len(seconds) * 6 // 10])
    slowest = min(bound for bound in bounds if bound >= seconds[-1])
    assert max(bound for bound in bounds if bound < SLOW / 1000) < recorded["0.99"] <= slowest


@live
@every_application
def test_both_budgets_burn_and_nothing_is_missing(proven, preset):
    title = "".join(part.title() for part in preset.split("-"))
    assert proven.alerts_before.get(preset, set()) == set()
    assert proven.alerts[preset] == {f"{title}AvailabilityBudgetBurn", f"{title}LatencyBudgetBurn"}


@live
@pytest.mark.parametrize("preset", [name for name in APPLICATIONS if PRESETS[name]["metrics"]["bounds"]])
def test_bounds_of_a_preset_are_those_of_the_histogram(proven, preset):
    found = set(map(float, proven.bounds[preset]))
    assert found - {0.0, float("inf")} == set(PRESETS[preset]["metrics"]["bounds"])


@live
@pytest.mark.parametrize("preset", ["flask-exporter"])
def test_a_wrong_label_of_errors_is_noticed(proven, preset):
    requests = [answer.request for answer in proven.burst[preset]]
    with pytest.raises(AssertionError):
        check_counts(proven.after_burst, WRONG, APPLICATIONS[preset], requests)
    assert "WrongErrorsAvailabilityIndicatorBroken" in proven.alerts[WRONG]


@pytest.mark.parametrize("preset", PRESETS)
def test_the_document_says_what_proves_a_preset(preset):
    text = (ROOT / "docs/slo.md").read_text(encoding="utf-8")
    (cell,) = re.findall(rf"^\| `{preset}` \|.*\| ([^|]+) \|$", text, re.MULTILINE)
    application = APPLICATIONS.get(preset)
    proof = f"proven on {application.library} {application.version}" if application else "from documentation"
    assert cell == proof
