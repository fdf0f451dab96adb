"""The status tables say in words what is missing, and show the worst."""

from rich.console import Console

from lab.figures import Figures, Service
from lab.notifications import Notification
from lab.status_table import (
    SHOWN_NOTIFICATIONS,
    firing_table,
    notifications_table,
    parts_table,
    services_table,
)

HEALTHY = Service("shop/checkout", 0, 24.0, 0.0, 0.005, 1.0, ())
BURNING = Service("shop/checkout", 4, 24.0, 0.21, 0.005, -12.3, ("CheckoutAvailabilityBudgetBurn",))
UNKNOWN = Service("shop/checkout", 1, None, None, None, None, ())


def shown(table) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def figures(*services: Service, **changed) -> Figures:
    return Figures(
        **{"services": [*services], "down": [], "targets": 2, "rules": 9, "rules_failing": 0, **changed}
    )


def test_a_burning_service_shows_its_state_figures_and_alerts():
    assert "│ checkout │ critical │ 24.0       │ 21.00% │ 5 ms │ -1230%      │" in shown(
        services_table([BURNING])
    )
    assert "│ checkout │ CheckoutAvailabilityBudgetBurn │" in shown(firing_table([BURNING]))
    assert "none" in shown(firing_table([HEALTHY]))


def test_figures_that_prometheus_lacks_are_not_zero():
    assert shown(services_table([UNKNOWN])).count("no data") == 4
    assert "Prometheus does not answer" in shown(parts_table([], None))


def test_what_make_up_waits_for_is_named():
    assert figures(HEALTHY).lacking(busy=True) == ""
    assert figures(UNKNOWN).lacking(busy=True) == "no sample traffic is recorded yet of shop/checkout"
    assert figures(UNKNOWN).lacking(busy=False) == ""
    assert figures().lacking(busy=True) == "no sample traffic is recorded yet of any service"
    assert figures(HEALTHY, rules=0).lacking(busy=True) == "no rule is loaded yet"
    assert figures(HEALTHY, rules_failing=2).lacking(busy=True) == "2 of 9 rules fail"
    assert figures(HEALTHY, targets=0).lacking(busy=True) == "no target is scraped yet"
    assert figures(down=["a (refused)"]).lacking(busy=True) == "targets that are not up: a (refused)"


def test_only_the_newest_notifications_are_shown():
    kept = [Notification(9 - n, "pager", "firing", {"alertname": f"Alert{n}"}, {}) for n in range(9)]
    text = shown(notifications_table(kept))
    assert [f"Alert{n}" in text for n in range(9)] == [n < SHOWN_NOTIFICATIONS for n in range(9)]
    assert "none yet" in shown(notifications_table([]))
