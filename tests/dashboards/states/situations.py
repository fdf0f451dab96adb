"""The situations in which dashboards are looked at: what a storage API with three pods exposes until AT."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lab.render.chart import NAMESPACE, RELEASE
from tests.support.slo.series import Phase, counter, gauge, seconds, selector

JOB = f"{RELEASE}-storage-api"
AT = 2400
"""Seconds from the first sample to the moment at which a reader looks."""
ALWAYS = "40m"
PODS = ("a", "b", "c")
FAULTS = ("error", "latency", "store_full", "store_refuse", "threads")
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "5.0", "+Inf")
STORE_BOUNDS = ("0.001", "0.01", "+Inf")


@dataclass(frozen=True)
class Situation:
    about: str
    good: Sequence[Phase] = ((ALWAYS, 10),)
    """Successful requests per second of each pod, in phases of 40 minutes together; each takes 20 ms."""
    bad: Sequence[Phase] = ((ALWAYS, 0),)
    """Requests per second that are answered with 503; each takes 2 ms."""
    failing: Sequence[str] = PODS
    """The pods that answer the bad requests."""
    lost: Mapping[str, tuple[str, float | None]] = field(default_factory=dict)
    """For lost pods: from when on no scrape succeeds, and what `up` is then, None if no target is left."""
    store_errors: Sequence[Phase] = ((ALWAYS, 0),)
    """Operations per second that the store of each pod fails."""
    faults: Mapping[str, Sequence[Phase]] = field(default_factory=dict)
    """1 while a fault is switched on."""
    rules: bool = True
    """Whether rules are evaluated. If not, what they had recorded has ended."""

    def series(self) -> list[tuple[str, str]]:
        """Every series in promtool's notation: its name with labels, and a sample each 30 s."""
        return [*(each for pod in PODS for each in self._pod(pod)), *self._monitoring()]

    def _monitoring(self) -> list[tuple[str, str]]:
        """What a healthy Prometheus and Alertmanager tell about themselves."""
        target = {
            "namespace": NAMESPACE,
            "job": "prometheus",
            "pod": "prometheus-0",
            "instance": "prometheus:9090",
        }
        group, webhook = {"rule_group": "rules.yaml;checkout"}, {"integration": "webhook"}
        gauges: list[tuple[str, float, dict[str, str]]] = [
            ("up", 1, {}),
            ("scrape_duration_seconds", 0.01, {}),
            ("scrape_samples_post_metric_relabeling", 1000, {}),
            ("prometheus_rule_group_interval_seconds", 30, group),
            ("prometheus_rule_group_last_duration_seconds", 0.3, group),
            ("prometheus_rule_evaluation_failures_total", 0, group),
            ("prometheus_rule_group_iterations_missed_total", 0, group),
            ("prometheus_notifications_dropped_total", 0, {}),
            ("prometheus_notifications_alertmanagers_discovered", 1, {}),
            ("prometheus_config_last_reload_successful", 1, {}),
            ("prometheus_tsdb_head_series", 5000, {}),
            ("prometheus_tsdb_head_series_created_total", 5000, {}),
            ("prometheus_tsdb_storage_blocks_bytes", 1e6, {}),
            ("prometheus_tsdb_head_chunks_storage_size_bytes", 1e6, {}),
            ("prometheus_tsdb_wal_storage_size_bytes", 1e6, {}),
            ("prometheus_tsdb_retention_limit_bytes", 0, {}),
            ("alertmanager_config_last_reload_successful", 1, {}),
            ("alertmanager_notifications_failed_total", 0, webhook),
        ]
        evaluated = "0+30x80" if self.rules else "0+30x60 1800x19"
        watchdog = {"alertname": "Watchdog", "alertstate": "firing", "severity": "none"}
        return [
            *((selector(name, **target, **own), gauge(((ALWAYS, value),))) for name, value, own in gauges),
            (
                selector("prometheus_rule_group_last_evaluation_timestamp_seconds", **target, **group),
                evaluated,
            ),
            (selector("alertmanager_notifications_total", **target, **webhook), "0+1x80"),
            (selector("ALERTS", **watchdog), "1x80" if self.rules else "1x60 stale"),
        ]

    def _pod(self, pod: str) -> list[tuple[str, str]]:
        target = {"namespace": NAMESPACE, "job": JOB, "pod": pod, "instance": f"{pod}:5000"}
        until, down = self.lost.get(pod, (ALWAYS, None))
        found = [
            (selector("up", **target, container="storage-api"), gauge(_cut(((ALWAYS, 1),), until, down)))
        ]

        def put(name: str, phases: Sequence[Phase], write=gauge, **labels: str) -> None:
            found.append((selector(name, **target, **labels), write(_cut(phases, until))))

        for name, value in {
            "scrape_duration_seconds": 0.02,
            "scrape_samples_post_metric_relabeling": 1200,
            "process_start_time_seconds": 0,
            "process_open_fds": 20,
            "process_max_fds": 1000,
            "http_server_threads": 8,
            "http_server_busy_threads": 2,
            "http_server_queued_requests": 0,
            "storage_objects": 5,
            "storage_stored_bytes": 5000,
        }.items():
            put(name, ((ALWAYS, value),))
        put("storage_build_info", ((ALWAYS, 1),), version="0.1.0")
        for fault in FAULTS:
            put("storage_fault_active", self.faults.get(fault, ((ALWAYS, 0),)), fault=fault)
        bad = self.bad if pod in self.failing else ((ALWAYS, 0),)
        for status, phases, took in (("200", self.good, 0.02), ("503", bad, 0.002)):
            labels = {"path": "/api/buckets/<id>", "method": "GET", "status": status}
            put("http_request_count_total", phases, counter, **labels)
            put("http_request_duration_seconds_count", phases, counter, **labels)
            put("http_request_duration_seconds_sum", _times(phases, took), _sum, **labels)
            for bound in BOUNDS:
                within = phases if took <= float(bound) else ((ALWAYS, 0),)
                put("http_request_duration_seconds_bucket", within, counter, **labels, le=bound)
        for outcome, phases in (("success", self.good), ("error", self.store_errors)):
            put("storage_operations_total", phases, counter, operation="get", outcome=outcome)
        for bound in STORE_BOUNDS:
            labels = {"operation": "get", "backend": "filesystem", "le": bound}
            put("storage_operation_duration_seconds_bucket", self.good, counter, **labels)
        return found


def _cut(phases: Sequence[Phase], until: str, after: float | None = None) -> list[Phase]:
    """The phases until a time, and another value from then on."""
    kept, left = [], seconds(until)
    for duration, value in phases:
        kept.append((f"{min(left, seconds(duration))}s", value))
        left -= min(left, seconds(duration))
    return [*kept, (f"{AT - seconds(until)}s", after)]


def _times(phases: Sequence[Phase], factor: float) -> list[Phase]:
    return [(duration, rate and rate * factor) for duration, rate in phases]


def _sum(phases: Sequence[Phase]) -> str:
    """Samples of a counter that may grow by fractions."""
    value, parts = 0.0, ["0"]
    for duration, rate in phases:
        samples = seconds(duration) // 30
        if rate is None:
            parts.append(f"stale _x{samples - 1}" if samples > 1 else "stale" if samples else "")
        elif samples:
            parts.append(f"{value + rate * 30:.6f}+{rate * 30:.6f}x{samples - 1}")
            value += rate * 30 * samples
    return " ".join(filter(None, parts))


def _all(time: str, up: float | None) -> dict[str, tuple[str, float | None]]:
    return dict.fromkeys(PODS, (time, up))


SITUATIONS = {
    "healthy": Situation("30 requests per second, all successful."),
    "no traffic": Situation("The last request was answered ten minutes ago.", good=(("30m", 10), ("10m", 0))),
    "target down": Situation("All pods died a minute ago.", lost=_all("39m", 0)),
    "gone from discovery": Situation("The pods were deleted a minute ago.", lost=_all("39m", None)),
    "stale": Situation(
        "Prometheus scrapes, but has not evaluated a rule for more than 5 minutes.", rules=False
    ),
    "all failing": Situation(
        "The first two requests for a long time fail; an alert fires from three on.",
        good=((ALWAYS, 0),),
        bad=(("39m", 0), ("1m", 1 / 30)),
        failing=("a",),
    ),
    "pending": Situation(
        "The store has failed every tenth operation for four minutes.", store_errors=(("36m", 0), ("4m", 1))
    ),
    "ticket": Situation(
        "0.4 % of requests fail, four times as many as the objective allows.", bad=((ALWAYS, 0.04),)
    ),
    "paging": Situation(
        "All requests have failed for ten minutes.",
        good=(("30m", 10), ("10m", 0)),
        bad=(("30m", 0), ("10m", 10)),
    ),
    "1 of 3": Situation("Two of three pods died a minute ago.", lost={"b": ("39m", 0), "c": ("39m", 0)}),
    "faults switched on": Situation(
        "A drill delays requests, though not enough to matter.", faults={"latency": (("38m", 0), ("2m", 1))}
    ),
}
