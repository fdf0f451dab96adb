"""A notification with wrong labels or links fails a drill."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lab.drills.drill import read_all
from lab.drills.session import Session, wrong
from lab.notifications import Notification

DRILL = next(each for each in read_all() if each.name == "checkout-killed")
VALUES = {
    "global": {"monitoring": {"runbookUrl": "https://runbooks", "grafanaUrl": "https://grafana"}},
    "alerting": {"critical": "pager"},
}
GOOD = Notification(
    at=1,
    receiver="pager",
    status="firing",
    labels={"alertname": "CheckoutDown", **DRILL.labels},
    annotations={
        "runbook_url": "https://runbooks/target-down",
        "dashboard_url": "https://grafana/d/x",
        "summary": "down",
        "description": "for 5m",
    },
)


def test_the_expected_notification_is_right():
    assert wrong(DRILL, GOOD, VALUES) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": {**GOOD.labels, "severity": "warning"}}, "label severity is 'warning', not 'critical'"),
        ({"labels": {"severity": "critical"}}, "label runbook is None, not 'target-down'"),
        ({"receiver": "tickets"}, "delivered to tickets, not pager"),
        ({"annotations": {}}, "runbook_url is None, not 'https://runbooks/target-down'"),
        ({"annotations": {**GOOD.annotations, "dashboard_url": "/d/x"}}, "dashboard_url is '/d/x'"),
        ({"annotations": {**GOOD.annotations, "summary": ""}}, "the summary is empty"),
    ],
)
def test_a_wrong_label_link_or_receiver_is_named(changed, message):
    assert message in wrong(DRILL, replace(GOOD, **changed), VALUES)


def test_an_alert_is_timed_by_its_first_notification_since_the_fault_began():
    """Alertmanager repeats it, and the receiver returns the newest first."""
    at = {time: replace(GOOD, at=time) for time in (9, 5, 1)}
    other = replace(GOOD, at=4, labels={**GOOD.labels, "alertname": "CheckoutUp"})
    resolved = replace(GOOD, at=3, status="resolved")
    given = [at[9], at[5], other, resolved, at[1]]
    session = SimpleNamespace(platform=SimpleNamespace(notifications=lambda: given))
    assert Session._first_notification(session, DRILL, "firing", 2) == at[5]
    given.reverse()
    assert Session._first_notification(session, DRILL, "firing", 2) == at[5]
    assert Session._first_notification(session, DRILL, "firing", 10) is None
