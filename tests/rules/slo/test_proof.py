"""The rules of charts/slo on synthetic series: when alerts fire and when not, to the evaluation."""

import pytest

from lab.render.chart import render_chart
from tests.rules import own_alerts
from tests.support.slo.case import failures
from tests.support.slo.suite import cases, covered, runbooks

EVERYTHING = {"slo": {"defaults": {"alerts": {"trafficMissing": {"enabled": True}}}}}
"""Values that render every alert of the platform."""


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_alerts_and_records_are_as_expected_at_every_evaluation(case):
    assert not failures(case)


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent():
    rules = [
        rule
        for o in render_chart(EVERYTHING).ours
        if o["kind"] == "PrometheusRule"
        for group in o["spec"]["groups"]
        for rule in group["rules"]
    ]
    alerts = runbooks(rules)
    fires, silent = covered()
    own = {name: runbook for (name, _), runbook in alerts.items()}
    fires |= {own[case.alert] for case in own_alerts.CASES if case.fires}
    silent |= {own[case.alert] for case in own_alerts.CASES if not case.fires}
    assert set(alerts.values()) - fires == set(), "no case in which the alert fires"
    assert set(alerts.values()) - silent == set(), "no case in which the alert is silent"
