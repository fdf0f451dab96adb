"""What Prometheus and Alertmanager expose about themselves."""

from __future__ import annotations

from collections.abc import Iterator

from bench.dashboards.cluster import PODS
from bench.dashboards.count import Labels
from bench.dashboards.series.named import named, target_labels, up
from lab.render.chart import NAMESPACE

STACK_JOBS = {"prometheus": 1, "alertmanager": 1, "operator": 1, "grafana": 1, "kube-state-metrics": 1,
              "node-exporter": 3, "kubelet": 9, "apiserver": 1, "coredns": 2}  # fmt: skip
"""The targets of kube-prometheus-stack in a cluster of three nodes."""
STACK_RULE_GROUPS = 36
"""Rule groups of kube-prometheus-stack's own."""


def series(groups: int) -> Iterator[Labels]:
    """What Prometheus and Alertmanager say about themselves, and the alerts that Prometheus keeps."""
    for job, number in STACK_JOBS.items():
        for one in range(number):
            yield from up(target_labels(NAMESPACE, job, f"{job}-{one}", one))
    prometheus = target_labels(NAMESPACE, "prometheus", "prometheus-0")
    names = [f"group-{number}" for number in range(groups + STACK_RULE_GROUPS)]
    yield from named(
        "prometheus_rule_group_last_evaluation_timestamp_seconds prometheus_rule_group_last_duration_seconds "
        "prometheus_rule_group_interval_seconds prometheus_rule_evaluation_failures_total "
        "prometheus_rule_evaluations_total prometheus_rule_group_iterations_missed_total "
        "prometheus_rule_group_iterations_total prometheus_rule_group_last_rule_duration_sum_seconds "
        "prometheus_rule_group_rules prometheus_rule_group_last_evaluation_samples",
        prometheus,
        rule_group=names,
    )
    yield from named(
        "prometheus_config_last_reload_successful prometheus_build_info prometheus_tsdb_head_series "
        "prometheus_tsdb_storage_blocks_bytes prometheus_tsdb_wal_storage_size_bytes "
        "prometheus_tsdb_head_chunks_storage_size_bytes prometheus_tsdb_retention_limit_bytes "
        "prometheus_tsdb_head_series_created_total prometheus_tsdb_head_samples_appended_total "
        "process_resident_memory_bytes process_cpu_seconds_total process_start_time_seconds",
        prometheus,
    )
    yield from named(
        "prometheus_notifications_dropped_total prometheus_notifications_queue_length "
        "prometheus_notifications_queue_capacity prometheus_notifications_alertmanagers_discovered",
        prometheus,
    )
    yield from named(
        "prometheus_notifications_errors_total prometheus_notifications_sent_total",
        prometheus,
        alertmanager=["http://10.0.0.1:9093/api/v2/alerts"],
    )
    alertmanager = target_labels(NAMESPACE, "alertmanager", "alertmanager-0")
    yield from named(
        "alertmanager_notifications_total alertmanager_notifications_failed_total",
        alertmanager,
        integration=["email", "pagerduty", "slack", "webhook"],
    )
    yield from named("alertmanager_config_last_reload_successful alertmanager_alerts", alertmanager)
    # One alert fires for each service, and the heartbeat.
    yield from named("ALERTS", {"alertname": "Watchdog", "severity": "none"}, alertstate=["firing"])
    for namespace, name in PODS:
        alert = {
            "alertname": f"{name.title().replace('-', '')}AvailabilityBudgetBurn",
            "namespace": namespace,
            "slo_service": name,
            "slo": f"{name}-availability",
            "slo_indicator": "availability",
            "severity": "warning",
            "runbook": "availability-budget-burn",
        }
        yield from named("ALERTS", {**alert, "alertstate": "firing"})
        yield from named("ALERTS_FOR_STATE", alert)
