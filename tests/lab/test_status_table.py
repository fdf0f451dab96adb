"""The status tables say in words what is missing, and show the worst."""

from rich.console import Console

from lab.figures import FIGURES, STATE, Figures, Service, read_services
from lab.notifications import Notification
from lab.status_table import (
    SHOWN_NOTIFICATIONS,
    firing_table,
    notifications_table,
    parts_table,
    services_table,
)

HEALTHY = Service("shop/checkout", 0, {"requests": 24.0, "failing": 0.0, "p99": 0.005}, {}, ())
UNKNOWN = Service("shop/checkout", 1, {}, {}, ())


class Recorded:
    """A Prometheus that answers from a table: the values of services by query, for the rest nothing."""

    def __init__(self, answers: dict[str, dict[str, float]]) -> None:
        self.answers = answers

    def query(self, expression: str) -> list[dict]:
        return [
            {"metric": {"namespace": "shop", "slo_service": name}, "value": [0, str(value)]}
            for name, value in self.answers.get(expression, {}).items()
        ]


def shown(table, width: int = 80) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def figures(*services: Service, **changed) -> Figures:
    return Figures(
        **{"services": [*services], "down": [], "targets": 2, "rules": 9, "rules_failing": 0, **changed}
    )


def test_services_are_listed_with_their_figures_the_worst_first():
    recorded = Recorded(
        {
            STATE: {"aa-idle": 1, "checkout": 4, "basket": 4, "dead": 5},
            FIGURES["targets"].query: {"checkout": 1, "dead": 0},
            FIGURES["targets"].of: {"checkout": 2, "dead": 1},
            FIGURES["requests"].query: {"checkout": 24, "basket": 8},
            FIGURES["failing"].query: {"checkout": 0.21, "basket": 1},
            FIGURES["p99"].query: {"checkout": 0.005},
            FIGURES["budget"].query: {"checkout": -12.3},
        }
    )
    services = read_services(recorded)
    assert [each.name for each in services] == ["shop/dead", "shop/basket", "shop/checkout", "shop/aa-idle"]
    lines = [" ".join(line.split()) for line in shown(services_table(services)).splitlines()]
    assert "dead down 0 of 1 no data no data no data no data no data" in lines
    assert "basket paging no data 8.0 100.00% no data no data no data" in lines
    assert "checkout paging 1 of 2 24.0 21.00% 5 ms -1230% no data" in lines


def test_a_service_with_two_versions_shows_both():
    figure = FIGURES["version"]
    assert figure.write(1, None, ["1.0.0", "1.1.0"]) == "1.0.0, 1.1.0"


def test_the_services_fit_into_eighty_columns():
    widest = ("10 of 10", "1234.5", "100.00%", "10000 ms", "-1230%", "0.1.0")
    texts = dict(zip(FIGURES, widest, strict=True))
    named = Service("observability/platform-storage-api", 1, {}, texts, ())
    row = " ".join(shown(services_table([named])).splitlines()[-1].split())
    assert row == f"platform-storage-api no traffic {' '.join(widest)}"


def test_firing_alerts_are_named_with_their_service():
    burning = Service("shop/checkout", 4, {}, {}, ("CheckoutAvailabilityBudgetBurn",))
    assert "│ checkout │ CheckoutAvailabilityBudgetBurn │" in shown(firing_table([burning]))
    assert "none" in shown(firing_table([HEALTHY]))


def test_figures_that_prometheus_lacks_are_not_zero():
    assert shown(services_table([UNKNOWN])).count("no data") == len(FIGURES)
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
