"""The truth of the dashboard "Storage API"."""

from itertools import product

from tests.dashboards.truth import Panels, levels, service
from tests.dashboards.truth.expected import Expected, between, exactly, near
from tests.dashboards.truth.levels import failing, has_figures, is_change, rate, turning
from tests.dashboards.truth.levels import faults as set_faults
from tests.support.dashboard.variables import View
from tests.support.proof import cluster
from tests.support.proof.client import Sent
from tests.support.proof.lab import STAGING, STORAGE, THREADS
from tests.support.proof.scenario import HELD_REQUESTS, OBJECTS, TAKEN_THREADS
from tests.support.proof.seen import Seen, within

VIEWS = [
    View(phase, {"namespace": (where,), "service": (name,)})
    for phase, (where, name) in product(("idle", "healthy", "degraded", "faults"), (STORAGE, STAGING))
]
WAITING = [View("waiting", {"namespace": (STORAGE[0],), "service": (STORAGE[1],)})]
PANELS = Panels()
marks = levels.marks
STORE_BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)
ALL_FAULTS = ("error", "latency", "store_full", "store_refuse", "threads")
FAULT_SECONDS = 3
"""From a fault until it shows: a scrape and a rule."""
OPERATIONS = {"GET": "get", "PUT": "put", "DELETE": "delete"}
OUTCOMES = {"200": "success", "404": "missing", "400": "missing", "507": "full"}
"""How an operation of the store ended, by the status that the client was sent."""

PANELS("State", unit="short")(service.state_of)
PANELS("Failing", unit="percentunit")(service.failing_of)
PANELS("p99 latency", unit="s")(service.p99)


def variables(seen: Seen) -> dict[str, list[str]]:
    (namespace,) = seen.variables["namespace"]
    services = [name for where, name in (STORAGE, STAGING) if where == namespace]
    return {"namespace": sorted(where for where, _ in (STORAGE, STAGING)), "service": services}


def routes(seen: Seen, **fields: str) -> list[tuple[str, str]]:
    """Routes and methods with requests of this moment."""
    found = seen.groups(seen.service, "route", "method", **fields)
    return list(found) if has_figures(seen, seen.service) else []


@PANELS("HTTP Status Codes", unit="reqps")
def statuses(seen: Seen) -> dict[str, Expected]:
    if not has_figures(seen, seen.service):
        return {}
    return {status: rate(seen, sent) for status, sent in seen.groups(seen.service, "status").items()}


@PANELS("Average HTTP Request Duration", unit="s")
def durations(seen: Seen) -> dict[str, Expected]:
    found = {}
    for route, method in routes(seen, outcome="good"):
        low, high = seen.mean(seen.service, route=route, method=method)
        found[f"{method} {route}"] = between(low, high, "the fault's delay to what the client saw")
    return found


@PANELS("Which route fails?", unit="percentunit")
def route_fails(seen: Seen) -> dict[str, Expected]:
    return {
        f"{method} {route}": failing(seen, seen.service, route=route, method=method)
        for route, method in routes(seen)
    }


def traces(seen: Seen) -> dict[str, float]:
    return seen.traces(seen.service) if has_figures(seen, seen.service) else {}


@PANELS("How long did requests take?", unit="s", marks=traces)
def heatmap(seen: Seen) -> dict[str, Expected]:
    if not seen.targets_up(seen.service):
        return {}
    found = {}
    for bound, (low, high) in seen.buckets(seen.service).items():
        name = "+Inf" if bound == float("inf") else f"{bound:g}"
        name = f"{bound:.1f}" if bound in (1, 5) else name
        found[name] = between(low * 0.85, high * 1.15, "requests of its bucket ±15 %") if high else exactly(0)
    return found


@PANELS(
    "Which faults are switched on?",
    unit="short",
    also=[View("change", {"namespace": (STORAGE[0],), "service": (STORAGE[1],)})],
)
def faults(seen: Seen) -> dict[str, Expected]:
    if not seen.targets_up(seen.service):
        return {}
    on = set_faults(seen, seen.service)
    if is_change(seen):
        return {name: turning(seen, 0, name in on, FAULT_SECONDS) for name in ALL_FAULTS}
    return {name: exactly(name in on) for name in ALL_FAULTS}


@PANELS("Are threads free?", unit="percentunit", also=WAITING)
def threads(seen: Seen) -> dict[str, Expected]:
    found = {}
    for pod in seen.pods(seen.service):
        if not seen.is_up(pod):
            continue
        first = pod.pod == f"{STORAGE[1]}-0"
        if seen.phase.name == "waiting":
            found[pod.pod] = exactly(1 if first else 0)
            continue
        taken = TAKEN_THREADS if first and seen.phase.name == "faults" else 0
        most = min(THREADS, taken + seen.at_once(pod.pod))
        found[pod.pod] = between(
            taken / THREADS, most / THREADS, "the fault's threads to those plus requests"
        )
    return found


@PANELS("Do requests wait?", unit="short", also=WAITING)
def waiting(seen: Seen) -> dict[str, Expected]:
    found: dict[str, Expected] = {}
    for pod in seen.pods(seen.service):
        if seen.is_up(pod):
            # A request may be seen between its arrival and its thread.
            most = seen.at_once(pod.pod)
            found[pod.pod] = between(0, most, "requests at once") if most else exactly(0)
    if seen.phase.name == "waiting":
        found[f"{STORAGE[1]}-0"] = exactly(HELD_REQUESTS - (THREADS - TAKEN_THREADS))
    return found


@PANELS("Are file descriptors left?", unit="percentunit")
def files(seen: Seen) -> dict[str, Expected]:
    return {
        pod.pod: near(seen.phase.open_files[pod.pod], 0.3)
        for pod in seen.pods(seen.service)
        if seen.is_up(pod)
    }


def operations(seen: Seen) -> dict[tuple[str, str], list[Sent]]:
    """The requests behind the store's operations, by operation and outcome."""
    found: dict[tuple[str, str], list[Sent]] = {}
    for one in seen.sent(seen.service) if has_figures(seen, seen.service) else ():
        if one.status != "503":  # the fault answers before the store is asked
            operation = "list" if one.route == "/api/buckets" else OPERATIONS[one.method]
            found.setdefault((operation, OUTCOMES[one.status]), []).append(one)
    return found


@PANELS("How do operations of the store end?", unit="ops")
def store_operations(seen: Seen) -> dict[str, Expected]:
    return {
        f"{outcome} {operation}": rate(seen, sent) for (operation, outcome), sent in operations(seen).items()
    }


@PANELS("What share does the store fail?", unit="percentunit")
def store_fails(seen: Seen) -> dict[str, Expected]:
    return {operation: exactly(outcome == "full") for operation, outcome in operations(seen)}


@PANELS("How long does the store take?", unit="s")
def store_takes(seen: Seen) -> dict[str, Expected]:
    backend = "s3" if seen.service == STORAGE else "filesystem"
    found = {}
    for operation in {operation for operation, _ in operations(seen)}:
        method = {of: method for method, of in OPERATIONS.items()}.get(operation, "GET")
        sent = seen.sent(seen.service, method=method)
        _, high = within(1, [[one.seconds for one in sent]], STORE_BOUNDS)
        found[f"{operation} {backend}"] = between(0, high, "up to the bucket of what the client saw")
    return found


def contents(seen: Seen, name: str, value: float) -> dict[str, Expected]:
    """What the store holds; no replica knows that of an object store."""
    if seen.service != STAGING or not seen.targets_up(STAGING):
        return {}
    return {name: exactly(0 if seen.phase.name == "idle" else value)}


@PANELS("How many objects?", unit="short")
def objects(seen: Seen) -> dict[str, Expected]:
    return contents(seen, "objects", len(OBJECTS))


@PANELS("How many bytes?", unit="bytes")
def size(seen: Seen) -> dict[str, Expected]:
    return contents(seen, "bytes", sum(map(len, OBJECTS.values())))


@PANELS("How full is the disk?", unit="percentunit")
def disk(seen: Seen) -> dict[str, Expected]:
    if seen.service != STAGING or not seen.targets_up(STAGING):
        return {}
    return {cluster.CLAIM: near(1 - cluster.CLAIM_FREE_BYTES / cluster.CLAIM_BYTES, 1e-6)}
