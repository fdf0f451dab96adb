"""The truth of the dashboard "Service"."""

from tests.dashboards.truth import Panels, levels
from tests.dashboards.truth.expected import Expected, Rows, age, exactly, near, text
from tests.dashboards.truth.levels import (
    ALERT_UNITS,
    BUDGETS,
    BURN_WINDOWS,
    TOO_SLOW_SECONDS,
    alert_rows,
    budget_left,
    each_service,
    failing,
    has_figures,
    progress,
    quantile,
    rate,
    slow_share,
    state,
    targets,
    version,
)
from tests.support.proof import cluster
from tests.support.proof.seen import SERVICES, Seen

VIEWS = each_service("idle", "healthy", "degraded", "faults")
PANELS = Panels()
marks = levels.marks


def variables(seen: Seen) -> dict[str, list[str]]:
    (namespace,) = seen.variables["namespace"]
    services = sorted(name for where, name in SERVICES if where == namespace)
    return {"namespace": sorted({where for where, _ in SERVICES}), "service": services}


def or_why_not(seen: Seen, name: str, figure, no_traffic: str = "no traffic") -> dict[str, Expected]:
    """A figure of this moment, or the word for why there is none."""
    if has_figures(seen, seen.service):
        return {name: figure()}
    return {name: text(no_traffic if seen.targets_up(seen.service) else "down")}


@PANELS("State", unit="short")
def state_of(seen: Seen) -> dict[str, Expected]:
    return {"state": text(state(seen, seen.service))}


@PANELS("Failing", unit="percentunit")
def failing_of(seen: Seen) -> dict[str, Expected]:
    return or_why_not(seen, "failing", lambda: failing(seen, seen.service))


@PANELS("p99 latency", unit="s")
def p99(seen: Seen) -> dict[str, Expected]:
    return or_why_not(seen, "p99", lambda: quantile(seen, seen.service, 0.99), "not measured")


@PANELS("Requests", unit="reqps")
def requests(seen: Seen) -> dict[str, Expected]:
    return or_why_not(seen, "requests", lambda: rate(seen, seen.sent(seen.service)))


@PANELS("Budget left", unit="percentunit")
def left(seen: Seen) -> dict[str, Expected]:
    if seen.phase.name == "idle":
        return {}
    return {"budget left": budget_left(seen, "availability", seen.service)}


@PANELS("Targets", unit="short")
def targets_of(seen: Seen) -> dict[str, Expected]:
    return {"targets": text(targets(seen, seen.service))}


@PANELS("What is wrong, or switched on, now?", unit=ALERT_UNITS)
def wrong(seen: Seen) -> Rows:
    return alert_rows(seen, [seen.service], of_one_service=True)


@PANELS("What is answered?", unit="reqps")
def answered(seen: Seen) -> dict[str, Expected]:
    if not has_figures(seen, seen.service):
        return {}
    groups = seen.groups(seen.service, "outcome", "status")
    return {f"{outcome} {status}": rate(seen, sent) for (outcome, status), sent in groups.items()}


@PANELS("What share fails or is too slow?", unit="percentunit")
def share_of(seen: Seen) -> dict[str, Expected]:
    found: dict[str, Expected] = {
        f"{name} allowed": near(part, 1e-9) for name, part in BUDGETS[seen.service].items()
    }
    if has_figures(seen, seen.service):
        found |= {"availability": failing(seen, seen.service), "latency": slow_share(seen, seen.service)}
    return found


@PANELS("How long do answers take?", unit="s")
def how_long(seen: Seen) -> dict[str, Expected]:
    found: dict[str, Expected] = {"too slow": exactly(TOO_SLOW_SECONDS)}
    if has_figures(seen, seen.service):
        found |= {f"{q} of good answers": quantile(seen, seen.service, q) for q in (0.5, 0.9, 0.99)}
    return found


@PANELS("How near is each alert?", unit="percentunit")
def how_near(seen: Seen) -> dict[str, Expected]:
    found = {
        f"{indicator}, {severity}, {long}": progress(seen, seen.service, indicator, long, rate)
        for indicator in BUDGETS[seen.service]
        for severity, long, rate in BURN_WINDOWS
    }
    return {name: expected for name, expected in found.items() if expected}


@PANELS(
    "Which pod?",
    unit={
        "Failing": "percentunit",
        "Requests": "reqps",
        "p99": "s",
        "Age": "s",
        "CPU": "short",
        "Memory": "bytes",
    },
)
def which_pod(seen: Seen) -> Rows:
    rows: dict[tuple, dict[str, Expected]] = {}
    for pod in seen.pods(seen.service):
        rows[(pod.pod,)] = {"Scrape": text("up" if seen.is_up(pod) else "down")}
        if not seen.is_up(pod):
            continue
        rows[(pod.pod,)] |= {
            "Age": age(seen.shown.end - pod.started, 2),
            "Version": text(version(seen.service)),
            "CPU": near(cluster.cores(pod)),
            "Memory": exactly(cluster.memory_bytes(pod)),
        }
        if seen.sent(seen.service, pod=pod.pod):
            rows[(pod.pod,)] |= {
                "Failing": failing(seen, seen.service, pod=pod.pod),
                "Requests": rate(seen, seen.sent(seen.service, pod=pod.pod)),
                "p99": quantile(seen, seen.service, 0.99, pod=pod.pod),
            }
    return Rows(("Pod",), rows)


@PANELS("Which route?", unit={"Failing": "percentunit", "Requests": "reqps", "p99": "s"})
def which_route(seen: Seen) -> Rows:
    rows: dict[tuple, dict[str, Expected]] = {}
    for (route, method), sent in seen.groups(seen.service, "route", "method").items():
        if not has_figures(seen, seen.service):
            continue
        fields = {"route": route, "method": method}
        rows[route, method] = {"Failing": failing(seen, seen.service, **fields), "Requests": rate(seen, sent)}
        if seen.sent(seen.service, outcome="good", **fields):
            rows[route, method]["p99"] = quantile(seen, seen.service, 0.99, **fields)
    return Rows(("Route", "Method"), rows)


@PANELS("Which version since when?", unit="short")
def which_version(seen: Seen) -> dict[str, Expected]:
    up = seen.targets_up(seen.service)
    return {version(seen.service): exactly(up)} if up else {}


@PANELS("How fast does the budget burn?", unit="percentunit")
def how_fast(seen: Seen) -> dict[str, Expected]:
    if seen.phase.name == "idle":
        return {}
    return {indicator: budget_left(seen, indicator, seen.service) for indicator in BUDGETS[seen.service]}
