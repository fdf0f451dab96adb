"""The truth of the dashboard "Platform"."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.dashboards.truth import Panels
from tests.dashboards.truth.expected import Expected, Rows, between, exactly, last, near, text
from tests.support.dashboard.variables import ALL, View
from tests.support.proof import cluster
from tests.support.proof.lab import CHECKOUT, STAGING, STORAGE
from tests.support.proof.scenario import SCRAPE_FAULT_SECONDS
from tests.support.proof.seen import Seen

PROMETHEUS, ALERTMANAGER = "observability-platform-prometheus", "observability-platform-alertmanager"
PROMETHEUS_POD, ALERTMANAGER_POD = f"prometheus-{PROMETHEUS}-0", f"alertmanager-{ALERTMANAGER}-0"
JOBS = sorted([STORAGE[1], CHECKOUT[1], STAGING[1], PROMETHEUS, ALERTMANAGER, cluster.JOB])
SAMPLE_BUDGET = 50_000
"""platformAlerts.samplesOverBudget.samples; the metrics of a whole cluster have no budget."""
SLOW_SCRAPE_SECONDS = 4
RETENTION_BYTES = 2**30
"""Prometheus takes 1GB for so many bytes."""
WINDOW_SECONDS = 300
"""These panels have their windows themselves, so `global.monitoring.speed` does not shorten them."""

VIEWS = [
    View("healthy", {"job": (ALL,)}),
    View("healthy", {"job": (CHECKOUT[1],)}),
    View("faults", {"job": (ALL,)}),
    View("faults", {"job": (STAGING[1], STORAGE[1])}),
]
PANELS = Panels()


def variables(seen: Seen) -> dict[str, list[str]]:
    return {"job": JOBS}


def marks(seen: Seen) -> set[tuple[str, str, str]]:
    """Only alerts on the platform itself: there are none."""
    return set()


@dataclass(frozen=True)
class Target:
    job: str
    namespace: str
    pod: str
    up: bool


def targets(seen: Seen) -> Iterator[Target]:
    """The targets of the chosen jobs."""
    known = [Target(pod.service[1], pod.service[0], pod.pod, seen.is_up(pod)) for pod in seen.processes]
    own = ((PROMETHEUS, PROMETHEUS_POD), (ALERTMANAGER, ALERTMANAGER_POD), (cluster.JOB, cluster.POD))
    known += [Target(job, STORAGE[0], pod, True) for job, pod in own]
    jobs = seen.variables["job"]
    return (target for target in known if jobs == (ALL,) or target.job in jobs)


def jobs(seen: Seen) -> dict[str, list[Target]]:
    found: dict[str, list[Target]] = {}
    for target in targets(seen):
        found.setdefault(target.job, []).append(target)
    return found


def samples(seen: Seen, target: Target) -> Expected:
    """What a scrape of the target returns: as the proof counted it, or for the stack as Prometheus did."""
    if not target.up:
        return exactly(0)
    return near(_samples(seen, target), 0.02)


def _samples(seen: Seen, target: Target) -> float:
    if not target.up:
        return 0
    if target.pod in seen.phase.samples:
        return seen.phase.samples[target.pod]
    return seen.raw(f'scrape_samples_scraped{{pod="{target.pod}"}}', "pod")[target.pod]


def figure(number: float) -> Expected:
    """A number, or the word for 0."""
    return text("none") if number == 0 else near(number)


@PANELS("Targets down", unit="short")
def down(seen: Seen) -> dict[str, Expected]:
    number = sum(not target.up for target in targets(seen))
    return {"down": exactly(number) if number else text("none")}


@PANELS("Rules overdue", unit="s")
def overdue(seen: Seen) -> dict[str, Expected]:
    # Prometheus tells the time of the last run at a scrape, which is a second ago, as the last run may be.
    return {"overdue": between(0, 3, "one scrape, one run and a late one")}


@PANELS("Rules failed or missed", unit="short")
def failed(seen: Seen) -> dict[str, Expected]:
    counters = ("prometheus_rule_evaluation_failures_total", "prometheus_rule_group_iterations_missed_total")
    return {
        "failed or missed": figure(sum(sum(seen.growth(name, "rule_group").values()) for name in counters))
    }


@PANELS("Notifications lost", unit="short")
def lost(seen: Seen) -> dict[str, Expected]:
    dropped = sum(seen.growth("prometheus_notifications_dropped_total", "pod").values())
    failed = sum(seen.growth("alertmanager_notifications_failed_total", "integration", "reason").values())
    return {"Prometheus": figure(dropped), "Alertmanager": figure(failed)}


@PANELS("Configuration", unit="short")
def configuration(seen: Seen) -> dict[str, Expected]:
    return {"Prometheus": text("loaded"), "Alertmanager": text("loaded")}


@PANELS("Heartbeat", unit="short")
def heartbeat(seen: Seen) -> dict[str, Expected]:
    return {"Watchdog": text("firing"), "Alertmanagers": exactly(1)}


@PANELS(
    "Which target is down, slow or large?",
    unit={"Of its budget": "percentunit", "Samples": "short", "Time": "s"},
)
def which_target(seen: Seen) -> Rows:
    rows: dict[tuple, dict[str, Expected]] = {}
    instances = seen.raw("up", "pod", "instance")
    share = {target: _samples(seen, target) / SAMPLE_BUDGET for target in targets(seen)}
    share |= {target: -1 for target in share if target.job == cluster.JOB}
    for target in sorted(share, key=lambda target: (target.up, -share[target])):
        (instance,) = (instance for pod, instance in instances if pod == target.pod)
        row = {
            "Scrape": text("up" if target.up else "down"),
            "Samples": samples(seen, target),
            "Time": scrape_time(seen, [target]),
        }
        if target.job != cluster.JOB:
            row["Of its budget"] = near(share[target], 0.02) if target.up else exactly(0)
        rows[target.job, target.pod, instance, target.namespace] = row
    # Targets of the same size have no order.
    return Rows(("Job", "Pod", "Instance", "Namespace"), rows)


def scrape_time(seen: Seen, of: list[Target]) -> Expected:
    """A scrape takes no longer than its timeout of a second; a fault makes that of one checkout slow."""
    slow = seen.phase.name == "faults" and any(target.pod == f"{CHECKOUT[1]}-0" for target in of)
    return between(SCRAPE_FAULT_SECONDS if slow else 0, 1, "a fault's delay to the timeout")


@PANELS("How long do scrapes take?", unit="s")
def scrapes(seen: Seen) -> dict[str, Expected]:
    found: dict[str, Expected] = {job: scrape_time(seen, of) for job, of in jobs(seen).items()}
    return found | {"too slow": exactly(SLOW_SCRAPE_SECONDS)}


@PANELS("How many series are in memory?", unit={PROMETHEUS_POD: "short", f"new, {PROMETHEUS_POD}": "cps"})
def series(seen: Seen) -> dict[str, Expected]:
    head = seen.raw("prometheus_tsdb_head_series", "pod")
    born = seen.growth("prometheus_tsdb_head_series_created_total", "pod")
    found: dict[str, Expected] = {pod: last(number, 0.02) for pod, number in head.items()}
    return found | {f"new, {pod}": last(number / WINDOW_SECONDS) for pod, number in born.items()}


@PANELS("How many notifications were sent?", unit="short")
def notifications(seen: Seen) -> dict[str, Expected]:
    found: dict[str, Expected] = {}
    sent: dict[str, float] = {}
    for suffix, counter in (("", "notifications_total"), (" failed", "notifications_failed_total")):
        grown = seen.growth(f"alertmanager_{counter}", "integration", "receiver_name", "reason")
        for (integration, *_), number in grown.items():
            name = integration + suffix
            sent[name] = sent.get(name, 0) + number
    found |= {name: last(number) for name, number in sent.items() if number}
    return found


@PANELS("How much disk do samples take?", unit="bytes")
def disk(seen: Seen) -> dict[str, Expected]:
    parts = (
        "prometheus_tsdb_storage_blocks_bytes",
        "prometheus_tsdb_head_chunks_storage_size_bytes",
        "prometheus_tsdb_wal_storage_size_bytes",
    )
    found = [seen.raw(part, "pod") for part in parts]
    total = {pod: last(sum(part[pod] for part in found), 0.02) for pod in found[0]}
    return total | {"limit": exactly(RETENTION_BYTES)}


@PANELS("Which jobs cost most series?", unit="short")
def largest_jobs(seen: Seen) -> dict[str, Expected]:
    sums = {job: sum(_samples(seen, target) for target in of) for job, of in jobs(seen).items()}
    return {job: near(sums[job], 0.02) for job in largest(sums)}


def largest(values: Mapping[str, float]) -> list[str]:
    """The names of the five largest values."""
    return sorted(values, key=values.__getitem__, reverse=True)[:5]


@PANELS("Which rules cost most time?", unit="percentunit")
def slowest_rules(seen: Seen) -> dict[str, Expected]:
    took = seen.raw("prometheus_rule_group_last_duration_seconds", "rule_group")
    every = seen.raw("prometheus_rule_group_interval_seconds", "rule_group")
    shares = {group: took[group] / every[group] for group in took}
    # Prometheus names a group by its file and its own name.
    return {group.rpartition(";")[2]: near(shares[group], 1e-6) for group in largest(shares)}
