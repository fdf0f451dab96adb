"""The truth of what several dashboards show of a service: its state, shares, budgets and alerts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import storage_api
from tests.dashboards.truth.expected import Expected, Rows, age, between, exactly, text, turns
from tests.support.dashboard.variables import ALL, View
from tests.support.proof import cluster
from tests.support.proof.client import Sent
from tests.support.proof.lab import CHECKOUT, SPEED, STAGING, STORAGE, WINDOW_SECONDS
from tests.support.proof.seen import SERVICES, Seen, Service, delay

BUDGETS = {
    service: {"availability": 0.1 if service == STAGING else 0.001, "latency": 0.01} for service in SERVICES
}
"""The share of requests that each objective of a service allows to be bad."""
TOO_SLOW_SECONDS = 0.5
BUSY_SECONDS = 0.2
UNLESS_SLOW = "exact, unless a busy machine delayed answers"
BURN_WINDOWS = (("critical", "1h", 14.4), ("critical", "6h", 6), ("warning", "1d", 3), ("warning", "3d", 1))
"""Severity, long window and burn rate of each alert."""
SHORT = {"1h": "5m", "6h": "30m", "1d": "2h", "3d": "6h"}
"""The short window of each long one."""
HOUR = 3600 / SPEED
FOREVER = 1e9
_BURN = "availability-budget-burn"


@dataclass(frozen=True)
class Alert:
    name: str
    state: str
    severity: str
    runbook: str
    phase: str
    """The phase in which it becomes active."""
    delay: float = 5
    """Seconds from the fault until its expression is true, +-6: scrapes, windows, and slow rules."""


_STAGING = [
    # A tenth of all requests must have failed, among them those before the fault.
    Alert("OtherStorageApiAvailabilityBudgetBurn", "firing", "warning", _BURN, "degraded", 10),
    # Only reads are sent to it.
    Alert("StorageApiObjectsNotServed", "firing", "warning", "storage-api-objects-not-served", "degraded"),
]
_ALERTS: Mapping[tuple[str, Service], Sequence[Alert]] = {
    ("degraded", STAGING): _STAGING,
    ("faults", STORAGE): [
        Alert("PlatformStorageApiAvailabilityBudgetBurn", "firing", "critical", _BURN, "faults"),
        Alert("PlatformStorageApiAvailabilityBudgetBurn", "firing", "warning", _BURN, "faults"),
        Alert("StorageApiStoreFull", "firing", "critical", "storage-api-store-full", "faults"),
    ],
    ("faults", CHECKOUT): [
        Alert("CheckoutAvailabilityBudgetBurn", "firing", "critical", _BURN, "faults"),
        Alert("CheckoutAvailabilityBudgetBurn", "firing", "warning", _BURN, "faults"),
    ],
    ("faults", STAGING): [
        # It waits longer than the proof takes.
        Alert("OtherStorageApiDown", "pending", "critical", "target-down", "faults"),
        *_STAGING,
    ],
}
_FAULTS: Mapping[tuple[str, Service], Sequence[str]] = {
    ("degraded", STAGING): ["error"],
    ("faults", STORAGE): ["latency", "store_full", "threads"],
}
_STATES = {
    "idle": dict.fromkeys(SERVICES, "no traffic"),
    "healthy": dict.fromkeys(SERVICES, "healthy"),
    "degraded": {STORAGE: "healthy", CHECKOUT: "degraded", STAGING: "ticket"},
    "faults": {STORAGE: "paging", CHECKOUT: "paging", STAGING: "down"},
}


def alerts(seen: Seen, service: Service) -> Sequence[Alert]:
    """Each alert that is pending or fires."""
    return _ALERTS.get((seen.phase.name, service), [])


def faults(seen: Seen, service: Service) -> Sequence[str]:
    """The faults that are switched on in a storage API."""
    return _FAULTS.get(("faults" if is_change(seen) else seen.phase.name, service), [])


def alert_rows(seen: Seen, services: Iterable[Service], *, of_one_service: bool = False) -> Rows:
    """The table of alerts; that of one service does not name it, but has the faults that are switched on."""
    rows: dict[tuple, dict[str, Expected]] = {}
    for service in services:
        for alert in alerts(seen, service):
            where = () if of_one_service else reversed(service)
            rows[alert.name, alert.state, alert.severity, *where] = {
                "Runbook": text(alert.runbook),
                "Age": age(seen.shown.end - seen.began[alert.phase] - alert.delay, 6),
            }
        if of_one_service:
            rows |= {(fault, "drill", None): {} for fault in faults(seen, service)}
    names = ("Alert", "State", "Severity", *(() if of_one_service else ("Service", "Namespace")))
    return Rows(names, rows)


ALERT_UNITS = {"Age": "s"}


def marks(seen: Seen) -> set[tuple[str, str, str]]:
    """The annotations of the chosen services: alerts, faults, and versions, which are all new in this lab."""
    found = set()
    for service in seen.services:
        for alert in alerts(seen, service):
            words = {"firing": ("Firing alerts", "fires"), "pending": ("Pending alerts", "is pending")}
            name, says = words[alert.state]
            found.add((name, f"{alert.name} {says}", alert.severity))
        found |= {("Drills", f"Drill: {fault}", service[1]) for fault in faults(seen, service)}
        if seen.targets_up(service):
            found.add(("Deploys", f"New version {version(service)}", service[1]))
    return found


def version(service: Service) -> str:
    """The storage API tells its own version; the checkout's is that of its image."""
    return cluster.IMAGE_TAG if service == CHECKOUT else storage_api.__version__


def state(seen: Seen, service: Service) -> str:
    return _STATES[seen.phase.name][service]


STATES = {"healthy": 0, "no traffic": 1, "degraded": 2, "ticket": 3, "paging": 4, "down": 5}


def has_figures(seen: Seen, service: Service) -> bool:
    """Whether the service has figures of this moment: a target is up, and there are requests."""
    return bool(seen.targets_up(service) and seen.sent(service))


def rate(seen: Seen, sent: Iterable[Sent]) -> Expected:
    """Requests per second, of these requests."""
    low, high = seen.rate(sent)
    return between(low * 0.9, high * 1.1, "the rates of its windows ±1 request ±10 %")


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
    """Whether a busy machine delayed an answer: then the service may have counted it as too slow.

    It counts a request when it has sent the answer, which may be later than when the client has it.
    """
    return any(
        one.service == service and one.outcome == "good" and one.seconds - delay(one.seconds) > BUSY_SECONDS
        for one in seen.run
        if one.at <= seen.shown.end
    )


def burn(seen: Seen, service: Service, window: float) -> Expected:
    """How many times faster than allowed the budget of the worst objective burned in a window."""
    return ratio(seen.bad_share(service, window), BUDGETS[service]["availability"])


def budget_left(seen: Seen, indicator: str, service: Service) -> Expected:
    """The share of the budget that is left, of all requests until now."""
    # The record reads averages of five minutes, every five minutes, and slow rules wait for four intervals.
    found = seen.bad_share(service, FOREVER, 3 * WINDOW_SECONDS + 4) or (0, 0)
    if indicator == "latency":
        return between(-1e9 if saw_slow_answers(seen, service) else 1, 1, UNLESS_SLOW)
    if found[1] == 0:
        return exactly(1)
    low, high = (1 - part / BUDGETS[service][indicator] for part in (found[1] * 1.1, found[0] * 0.9))
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
    # At most 0.9, so that a total outage fires whatever the objective.
    return ratio((lowest, highest), min(0.9, rate * BUDGETS[service][indicator]))


def seconds(window: str) -> float:
    """The length of a window such as `1h`, as it passes in the proof."""
    return int(window[:-1]) * {"m": 60, "h": 3600, "d": 86400}[window[-1]] / SPEED


STATE_SECONDS = 5
"""From a fault until the state shows it: two scrapes, and three rules that read each other."""


def state_line(seen: Seen, service: Service) -> Expected:
    """The state over the time shown; when the faults begin, it turns."""
    if is_change(seen):
        before, after = (STATES[_STATES[phase][service]] for phase in ("degraded", "faults"))
        return turning(seen, before, after, STATE_SECONDS)
    return exactly(STATES[state(seen, service)])


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
