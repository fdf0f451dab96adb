"""The truth of the dashboard "Services"."""

from collections import Counter

from tests.dashboards.truth import Panels, levels
from tests.dashboards.truth.expected import Expected, Rows, exactly, text
from tests.dashboards.truth.levels import (
    ALERT_UNITS,
    HOUR,
    alert_rows,
    alerts,
    budget_left,
    burn,
    failing,
    has_figures,
    namespaces,
    quantile,
    rate,
    state,
    state_line,
    targets,
)
from tests.support.dashboard.variables import View
from tests.support.proof.lab import CHECKOUT, STAGING, STORAGE, WINDOW_SECONDS
from tests.support.proof.seen import SERVICES, Seen, Service

VIEWS = [
    View("idle", namespaces()),
    View("idle", namespaces(STAGING[0])),
    View("healthy", namespaces()),
    View("healthy", namespaces(CHECKOUT[0])),
    View("degraded", namespaces()),
    View("degraded", namespaces(CHECKOUT[0])),
    View("faults", namespaces()),
    View("faults", namespaces(STORAGE[0], STAGING[0])),
]
PANELS = Panels()
marks = levels.marks
ORDER = {
    "degraded": (STAGING, CHECKOUT, STORAGE),  # a ticket, degraded, healthy
    "faults": (STAGING, STORAGE, CHECKOUT),  # down; and of those that page, the one that burns faster
}
"""The services in the order of their trouble."""


def variables(seen: Seen) -> dict[str, list[str]]:
    return {"namespace": sorted(service[0] for service in (STORAGE, CHECKOUT, STAGING))}


def name(service: Service) -> str:
    return " / ".join(service)


@PANELS("How many services are in which state?", unit="short")
def how_many(seen: Seen) -> dict[str, Expected]:
    found = Counter(state(seen, service) for service in seen.services)
    return {
        "down or paging": exactly(found["down"] + found["paging"]),
        "ticket or degraded": exactly(found["ticket"] + found["degraded"]),
        "no traffic": exactly(found["no traffic"]),
        "healthy": exactly(found["healthy"]),
    }


@PANELS(
    "Which service needs me?",
    unit={
        "Failing": "percentunit",
        "p99": "s",
        "Requests": "reqps",
        "Burn now": "suffix:x",
        "Budget left": "percentunit",
        "Alerts": "short",
    },
)
def which_service(seen: Seen) -> Rows:
    rows: dict[tuple, dict[str, Expected]] = {}
    for service in (service for service in ORDER.get(seen.phase.name, SERVICES) if service in seen.services):
        row = {"State": text(state(seen, service)), "Up": text(targets(seen, service))}
        if has_figures(seen, service):
            row |= {
                "Failing": failing(seen, service),
                "p99": quantile(seen, service, 0.99),
                "Requests": rate(seen, seen.sent(service)),
                "Burn now": burn(seen, service, WINDOW_SECONDS),
            }
        if seen.phase.name != "idle":
            row["Budget left"] = budget_left(seen, "availability", service)
        row["Alerts"] = exactly(len(alerts(seen, service)))
        rows[service[1], service[0]] = row
    return Rows(("Service", "Namespace"), rows, ordered=seen.phase.name in ORDER)


@PANELS("What is pending or firing?", unit=ALERT_UNITS)
def pending_or_firing(seen: Seen) -> Rows:
    return alert_rows(seen, seen.services)


@PANELS("When did each service stop being healthy?", unit="short", also=[View("change", namespaces())])
def when(seen: Seen) -> dict[str, Expected]:
    return {name(service): state_line(seen, service) for service in seen.services}


@PANELS("Who burns budget fastest?", unit="suffix:x")
def who_burns(seen: Seen) -> dict[str, Expected]:
    if seen.phase.name == "idle":
        return {}
    return {name(service): burn(seen, service, HOUR) for service in seen.services}


@PANELS("How much budget is left?", unit="percentunit")
def budget(seen: Seen) -> dict[str, Expected]:
    if seen.phase.name == "idle":
        return {}
    return {name(service): budget_left(seen, "availability", service) for service in seen.services}
