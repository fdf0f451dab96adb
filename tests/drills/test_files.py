"""The drills' files: each is valid, names an alert of the chart, and every kind of alert has one."""

import re

import pytest
import yaml

from lab import ROOT
from lab.drills import EXCEPTIONS, VALUES, drill
from lab.drills.session import alert_rule
from lab.errors import LabError
from lab.platform import VALUES as LAB_VALUES
from lab.render.chart import render_chart

DRILLS = drill.read_all()
GOOD = """
about: Every order fails.
alert: CheckoutDown
labels: {severity: critical, runbook: target-down, namespace: shop}
fault: {part: checkout, signal: SIGKILL}
expected: {begins: 0, ends: 0}
why: The next scrape fails.
"""


@pytest.fixture(scope="module")
def render():
    """The drills' lab, with the alerts that are off by default."""
    opt_in = {"slo": {"defaults": {"alerts": {"trafficMissing": {"enabled": True}}}}}
    return render_chart(opt_in, value_files=[LAB_VALUES, VALUES])


@pytest.fixture(scope="module")
def kinds(render) -> set[str]:
    """The label `runbook` of every alert."""
    groups = [g for o in render.ours if o["kind"] == "PrometheusRule" for g in o["spec"]["groups"]]
    return {rule["labels"]["runbook"] for group in groups for rule in group["rules"] if "alert" in rule}


def test_every_kind_of_alert_has_a_drill_or_a_reason(kinds):
    exceptions = yaml.safe_load(EXCEPTIONS.read_text())
    drilled = {each.labels["runbook"] for each in DRILLS}
    assert not drilled & exceptions.keys()
    assert drilled | exceptions.keys() == kinds
    assert all(exceptions.values())


@pytest.mark.parametrize("each", DRILLS, ids=lambda each: each.name)
def test_a_drill_expects_the_labels_that_its_alert_has(render, each):
    labels = alert_rule(render, each)["labels"]
    # Alerts on targets in general get these two from the target.
    fixed = {name: value for name, value in each.labels.items() if name in labels}
    assert labels | fixed == labels
    assert each.labels.keys() - labels.keys() <= {"namespace", "job"}


def test_both_services_and_every_fault_are_used():
    assert {each.fault.part for each in DRILLS} == {"checkout", "storage-api"}
    used = {name for each in DRILLS for name, value in vars(each.fault).items() if value}
    assert used == {"part", "faults", "environment", "signal", "away", "damage"}


def test_drills_named_in_documents_exist():
    text = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    for variable, known in (
        ("ALERT", {each.alert for each in DRILLS}),
        ("NAME", {each.name for each in DRILLS}),
    ):
        named = set(re.findall(rf"make drill {variable}=([A-Za-z-]+)", text))
        assert named
        assert named <= known


BAD = {
    "no-map": ("[]", "must be a map"),
    "broken": ("about: {", "while parsing"),
    "unknown-key": (GOOD + "colour: red", "the drill: colour is unknown; use about, alert"),
    "no-alert": (GOOD.replace("alert: CheckoutDown", ""), "alert: must be a text"),
    "labels-list": (
        GOOD.replace("{severity: critical, runbook: target-down, namespace: shop}", "[]"),
        "labels: must be a map",
    ),
    "no-part": (GOOD.replace("part: checkout, ", ""), "fault.part:  is unknown; use storage-api, checkout"),
    "no-severity": (GOOD.replace("severity: critical, ", ""), "labels: severity missing"),
    "no-times": (GOOD.replace(", ends: 0", ""), "expected: set bad_ratio, or begins and ends"),
    "both-times": (GOOD.replace("begins: 0,", "bad_ratio: 1, begins: 0,"), "expected: set bad_ratio, or"),
    "unknown-time": (GOOD.replace("begins", "starts"), "expected: starts is unknown; use bad_ratio, begins"),
    "unknown-part": (
        GOOD.replace("part: checkout", "part: till"),
        "fault.part: till is unknown; use storage",
    ),
    "unknown-signal": (GOOD.replace("SIGKILL", "SIGHUP"), "fault.signal: SIGHUP is unknown; use SIGKILL"),
    "unknown-fault": (GOOD.replace("signal: SIGKILL", "fire: 1"), "fault: fire is unknown; use part, faults"),
    "no-fault": (GOOD.replace(", signal: SIGKILL", ""), "fault: set one of faults, environment"),
}


def test_the_good_drill_is_accepted(tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD)
    assert drill.read(tmp_path / "good.yaml").name == "good"


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_bad_drill_is_refused_in_one_line(tmp_path, text, message):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(LabError) as refused:
        drill.read(file)
    assert str(refused.value).startswith(f"{file}: {message}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("names", "alerts", "message"),
    [
        (["till"], [], "no drill has the name till; there are checkout-errors, "),
        ([], ["Till"], "no drill has the alert Till; there are CheckoutAvailabilityBudgetBurn, "),
    ],
)
def test_an_unknown_name_or_alert_is_refused_with_what_there_is(names, alerts, message):
    with pytest.raises(LabError, match=message):
        drill.choose(DRILLS, names, alerts)


def test_a_drill_is_chosen_by_its_name_or_its_alert():
    chosen = drill.choose(DRILLS, ["checkout-killed"], ["CheckoutAvailabilityBudgetBurn"])
    assert [each.name for each in chosen] == ["checkout-killed", "checkout-errors", "checkout-few-errors"]
