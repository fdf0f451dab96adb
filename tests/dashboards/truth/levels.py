"""The truth of what several dashboards show of a service: its state, shares, budgets and alerts."""

from collections.abc import Iterable, Mapping
from itertools import product

from tests.dashboards.truth import View
from tests.dashboards.truth.expected import Expected, Rows, age, between, exactly, text, turns
from tests.support.dashboard.variables import ALL
from tests.support.proof.lab import CHECKOUT, SPEED, STAGING, STORAGE, WINDOW_SECONDS
from tests.support.proof.run import KILLED
from tests.support.proof.seen import Seen, Service

BUDGETS = {"availability": 0.001, "latency": 0.01}
"""The share of requests that each objective allows to be bad."""
TOO_SLOW_SECONDS = 0.5
UNLESS_SLOW = "exact, unless the client saw slow answers"
BURN_WINDOWS = (("critical", "1h", 14.4), ("critical", "6h", 6), ("warning", "1d", 3), ("warning", "3d", 1))
"""Severity, long window and burn rate of each alert."""
SHORT = {"1h": "5m", "6h": "30m", "1d": "2h", "3d": "6h"}
"""The short window of each long one."""
HOUR = 3600 / SPEED
FOREVER = 1e9
_ALERTS: Mapping[Service, Iterable[tuple[str, str, str, str]]] = {
    STORAGE: [
        ("PlatformStorageApiAvailabilityBudgetBurn", "firing", "critical", "availability-budget-burn"),
        ("PlatformStorageApiAvailabilityBudgetBurn", "firing", "warning", "availability-budget-burn"),
        ("StorageApiStoreFull", "firing", "critical", "storage-api-store-full"),
    ],
    CHECKOUT: [
        ("CheckoutAvailabilityBudgetBurn", "firing", "critical", "availability-budget-burn"),
        ("CheckoutAvailabilityBudgetBurn", "firing", "warning", "availability-budget-burn"),
    ],
    # It waits longer than the proof takes.
    STAGING: [("OtherStorageApiDown", "pending", "critical", "target-down")],
}
FAULTS = ("latency", "store_full", "threads")


def alerts(seen: Seen, service: Service) -> list[tuple[str, str, str, str]]:
    """Name, state, severity and runbook of each alert that is pending or fires."""
    return list(_ALERTS[service]) if seen.phase.name == "faults" else []


def alert_rows(seen: Seen, services: Iterable[Service], *, of_one_service: bool = False) -> Rows:
    """The table of alerts; that of one service does not name it, but has the faults that are switched on."""
    rows: dict[tuple, dict[str, Expected]] = {}
    active = seen.shown.end - seen.phase.began
    for service in services:
        for name, state, severity, runbook in alerts(seen, service):
            # A fault is seen within a scrape, the window of a rate and two evaluations of slow rules.
            rows[name, state, severity, *(() if of_one_service else reversed(service))] = {
                "Runbook": text(runbook),
                "Age": age(active - 5, 6),
            }
        if of_one_service and service == STORAGE and seen.phase.name == "faults":
            rows |= {(fault, "drill", None): {} for fault in FAULTS}
    names = ("Alert", "State", "Severity", *(() if of_one_service else ("Service", "Namespace")))
    return Rows(names, rows)


ALERT_UNITS = {"Age": "s"}


def state(seen: Seen, service: Service) -> str:
    match seen.phase.name:
        case "idle":
            return "no traffic"
        case "healthy":
            return "healthy"
    return "paging" if seen.targets_up(service) else "down"


STATES = {"healthy": 0, "no traffic": 1, "degraded": 2, "ticket": 3, "paging": 4, "down": 5}


def has_figures(seen: Seen, service: Service) -> bool:
    """Whether the service has figures of this moment: a target is up, and there are requests."""
    return bool(seen.targets_up(service) and seen.sent(service))


def failing(seen: Seen, service: Service, **fields: str) -> Expected:
    """The share of requests that fail, in the window."""
    return ratio(seen.bad_share(service, WINDOW_SECONDS, **fields), 1)


def quantile(seen: Seen, service: Service, q: float, **fields: str) -> Expected:
    low, high = seen.quantile(service, q, **fields) or (0, 0)
    return between(low, high, "its bucket")


def slow_share(seen: Seen, service: Service) -> Expected:
    """The share of good answers that took too long: a client sees at least as many as the service does."""
    return between(0, 1e9 if saw_slow_answers(seen, service) else 0, UNLESS_SLOW)


def saw_slow_answers(seen: Seen, service: Service) -> bool:
    """Whether a busy machine delayed answers so much that they count against the objective."""
    return any(
        one.service == service and one.outcome == "good" and one.seconds >= TOO_SLOW_SECONDS
        for one in seen.run
        if one.at <= seen.shown.end
    )


def burn(seen: Seen, service: Service, window: float) -> Expected:
    """How many times faster than allowed the budget of the worst objective burned in a window."""
    return ratio(seen.bad_share(service, window), BUDGETS["availability"])


def budget_left(seen: Seen, indicator: str, service: Service) -> Expected:
    """The share of the budget that is left, of all requests until now."""
    # The record reads averages of five minutes, every five minutes, and slow rules wait for four intervals.
    found = seen.bad_share(service, FOREVER, 3 * WINDOW_SECONDS + 4) or (0, 0)
    if indicator == "latency":
        return between(-1e9 if saw_slow_answers(seen, service) else 1, 1, UNLESS_SLOW)
    if found[1] == 0:
        return exactly(1)
    low, high = (1 - part / BUDGETS[indicator] for part in (found[1] * 1.1, found[0] * 0.9))
    return between(low, high, "the share of all requests ±10 %")


def ratio(found: tuple[float, float] | None, allowed: float) -> Expected:
    """A share of requests that lies between two, divided by the one that is allowed."""
    low, high = (part / allowed for part in found or (0, 0))
    if high == 0 or low == high == 1:
        return exactly(high)
    return between(low * 0.9, high * 1.1, "the shares of its windows ±1 request ±10 %")


def progress(seen: Seen, service: Service, indicator: str, long: str, rate: float) -> Expected | None:
    """How near an alert is: the smaller share of its two windows, of the one at which it fires.

    None if there is no request in the short window, so that there is no share either.
    """
    windows = [seconds(window) for window in (long, SHORT[long])]
    # Windows above one hour are made of rates over five minutes; slow rules wait for four intervals.
    lag = WINDOW_SECONDS + 4 if windows[0] > HOUR else 0
    found = [seen.bad_share(service, window, lag) for window in windows]
    if not all(found) or (windows[1] < seen.seconds and not has_figures(seen, service)):
        return None
    if indicator == "latency":
        return slow_share(seen, service)
    lowest, highest = (min(part[side] for part in found if part) for side in (0, 1))
    return ratio((lowest, highest), rate * BUDGETS[indicator])


def seconds(window: str) -> float:
    """The length of a window such as `1h`, as it passes in the proof."""
    return int(window[:-1]) * {"m": 60, "h": 3600, "d": 86400}[window[-1]] / SPEED


STATE_SECONDS = 5
"""From a fault until the state shows it: two scrapes, and three rules that read each other."""


def state_line(seen: Seen, service: Service) -> Expected:
    """The state over the time shown; when the faults begin, it turns, by way of degraded."""
    now = STATES[state(seen, service)]
    return turning(seen, STATES["healthy"], now, STATE_SECONDS) if is_change(seen) else exactly(now)


def is_change(seen: Seen) -> bool:
    return seen.phase.name == "change"


def turning(seen: Seen, before: float, after: float, late: float) -> Expected:
    """A value that turns when the faults begin, at most `late` seconds after the last of them."""
    return turns(seen.phase.before, before, seen.phase.began + late, after)


def each_service(*phases: str) -> list[View]:
    """Views of every service in each phase, one at a time."""
    return [
        View(phase, {"namespace": (service[0],), "service": (service[1],)})
        for phase, service in product(phases, (STORAGE, CHECKOUT, STAGING))
    ]


def namespaces(*names: str) -> dict[str, tuple[str, ...]]:
    return {"namespace": names or (ALL,)}


def targets(seen: Seen, service: Service) -> str:
    return f"{seen.targets_up(service)} of {len(seen.pods(service))}"


def is_killed(part: str) -> bool:
    return part in KILLED
