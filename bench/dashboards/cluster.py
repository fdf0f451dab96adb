"""The series of a cluster with two services of usual size, as Prometheus has scraped them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from bench.dashboards.count import Labels
from lab.render.chart import NAMESPACE, RELEASE, Render, render_chart
from storage_api.api.app import create_app
from storage_api.config import Config
from storage_api.http_server.threads import ThreadPool
from storage_api.stores import MemoryStore
from storage_api.telemetry.metrics import watch_server

STORAGE_API = f"{RELEASE}-storage-api"
PODS = {
    (NAMESPACE, STORAGE_API): (f"{STORAGE_API}-0", f"{STORAGE_API}-1"),
    ("shop", "checkout"): tuple(f"checkout-6d4cf56db6-{end}" for end in ("2hq4x", "8wzkp", "vt9nd")),
}
"""Pods of each service, by its namespace and name."""
NEIGHBOURS = {
    NAMESPACE: ("alertmanager", "grafana", "kube-state-metrics", "node-exporter", "operator", "prometheus"),
    "shop": ("cart", "catalog", "payment", "search", "shipping", "web"),
}
"""Other workloads in the services' namespaces, of one pod each: a rule for a namespace reads them too."""
NAMES = ("carts", "orders", "payments", "prices", "items")
ROUTES = {
    **dict.fromkeys((f"/{name}" for name in NAMES), ("GET", "POST")),
    **dict.fromkeys((f"/{name}/{{id}}" for name in NAMES), ("GET", "DELETE")),
}
"""The routes of checkout, with their methods."""
CODES = ("200", "404", "500")
"""Statuses of each route and method: OpenTelemetry exposes only those that have occurred."""
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75",
          "1.0", "2.5", "5.0", "7.5", "10.0", "+Inf")  # fmt: skip
STACK_JOBS = {"prometheus": 1, "alertmanager": 1, "operator": 1, "grafana": 1, "kube-state-metrics": 1,
              "node-exporter": 3, "kubelet": 9, "apiserver": 1, "coredns": 2}  # fmt: skip
"""The targets of kube-prometheus-stack in a cluster of three nodes."""
STACK_RULE_GROUPS = 36
"""Rule groups of kube-prometheus-stack's own."""
VALUES: dict[str, Any] = {
    "slo": {
        "services": {
            "checkout": {
                "namespace": "shop",
                "preset": "otel-http",
                "scrape": {"kind": "existing"},
            }
        }
    },
    "storage-api": {"faults": {"enabled": True}},
}


def render() -> Render:
    """The chart with both services, and otherwise its defaults."""
    return render_chart(VALUES)


def rule_groups(rendered: Render) -> list[dict[str, Any]]:
    """The rule groups of a render, without those of kube-prometheus-stack."""
    rules = [rule for rule in rendered.ours if rule["kind"] == "PrometheusRule"]
    return [group for rule in rules for group in rule["spec"]["groups"]]


def scraped(groups: Iterable[dict[str, Any]]) -> list[Labels]:
    """All series, without those that rules record."""
    return [*_storage_api(), *_checkout(), *_workloads(), *_monitoring(len(list(groups)))]


def of_one_route(series: Iterable[Labels]) -> list[Labels]:
    """The series without all but one route of each service."""
    kept = {"http_route": next(iter(ROUTES)), "path": "/api/buckets/{id}"}
    return [one for one in series if all(one.get(name, route) == route for name, route in kept.items())]


def _series(names: str, labels: Labels, **values: Iterable[str]) -> Iterator[Labels]:
    """Series of each of the names, with each combination of the values of further labels."""
    for name in names.split():
        for chosen in product(*values.values()):
            yield {"__name__": name, **labels, **dict(zip(values, chosen, strict=True))}


def _target(namespace: str, job: str, pod: str, number: int = 1) -> Labels:
    return {
        "namespace": namespace,
        "job": job,
        "instance": f"10.0.{len(job)}.{number}:8080",
        "pod": pod,
        "container": job,
        "service": job,
        "endpoint": "http",
    }


def _up(target: Labels) -> Iterator[Labels]:
    yield from _series(
        "up scrape_duration_seconds scrape_samples_scraped scrape_samples_post_metric_relabeling "
        "scrape_series_added scrape_sample_limit",
        target,
    )


def _storage_api() -> Iterator[Labels]:
    """What the storage API exposes by default, with faults enabled."""
    app = create_app(Config(store="filesystem", faults_enabled=True), MemoryStore())
    watch_server(ThreadPool(0), (), app.registry)
    for number, pod in enumerate(PODS[NAMESPACE, STORAGE_API]):
        target = _target(NAMESPACE, STORAGE_API, pod, number)
        yield from _up(target)
        for family in app.registry.collect():
            for sample in family.samples:
                yield {"__name__": sample.name, **target, **sample.labels}


def _checkout() -> Iterator[Labels]:
    """OpenTelemetry's histogram of requests."""
    duration = "http_server_request_duration_seconds"
    for number, pod in enumerate(PODS["shop", "checkout"]):
        target = _target("shop", "checkout", pod, number)
        yield from _up(target)
        for route, methods in ROUTES.items():
            by = {"http_request_method": methods, "http_response_status_code": CODES}
            served = {**target, "http_route": route}
            yield from _series(f"{duration}_count {duration}_sum", served, **by)
            yield from _series(f"{duration}_bucket", served, **by, le=BOUNDS)
        yield from _series("target_info", target, service_version=["1.4.2"], service_name=["checkout"])
        yield from _series("process_start_time_seconds process_open_fds process_max_fds", target)


def _workloads() -> Iterator[Labels]:
    """What kube-state-metrics, the kubelet and cAdvisor say about the services' pods."""
    for (namespace, name), pods in PODS.items():
        state = _state(namespace)
        stateful = name == STORAGE_API
        kind = "statefulset" if stateful else "deployment"
        desired = "kube_statefulset_replicas" if stateful else "kube_deployment_spec_replicas"
        ready = f"kube_{kind}_status_replicas_ready"
        yield from _series(f"{desired} {ready}", {**state, kind: name})
        for pod in pods:
            yield from _pod_state({**state, "pod": pod, "uid": f"uid-{pod}"}, kind, name)
            yield from _usage(namespace, pod, name)
            if stateful:
                yield from _volume(namespace, pod)
        if not stateful:
            scaler = {**state, "horizontalpodautoscaler": name}
            yield from _series(
                "kube_horizontalpodautoscaler_status_current_replicas "
                "kube_horizontalpodautoscaler_status_desired_replicas "
                "kube_horizontalpodautoscaler_spec_max_replicas",
                scaler,
            )
            target = {"scaletargetref_kind": "Deployment", "scaletargetref_name": name}
            yield from _series("kube_horizontalpodautoscaler_info", {**scaler, **target})
    for namespace, names in NEIGHBOURS.items():
        for name in names:
            pod = f"{name}-5c9d8b7f6-x7k2p"
            replicas = "kube_deployment_spec_replicas kube_deployment_status_replicas_ready"
            yield from _series(replicas, {**_state(namespace), "deployment": name})
            yield from _pod_state({**_state(namespace), "pod": pod, "uid": f"uid-{pod}"}, "deployment", name)
            yield from _usage(namespace, pod, name)
    # What only other workloads have.
    state = _state("kube-system")
    yield from _series(
        "kube_daemonset_status_desired_number_scheduled kube_daemonset_status_number_ready",
        {**state, "daemonset": "kube-proxy"},
    )
    pending = {**state, "pod": "pending", "uid": "uid-pending"}
    yield from _series("kube_pod_status_unschedulable", pending)
    waiting = {**pending, "container": "prepare", "reason": "ImagePullBackOff"}
    yield from _series("kube_pod_init_container_status_waiting_reason", waiting)


def _state(namespace: str) -> Labels:
    """The labels of kube-state-metrics' series about a namespace."""
    return {"namespace": namespace, "job": "kube-state-metrics", "instance": "10.0.9.1:8080"}


def _volume(namespace: str, pod: str) -> Iterator[Labels]:
    """The volume of a pod: the kubelet does not say whose it is."""
    claim = {"namespace": namespace, "persistentvolumeclaim": f"data-{pod}"}
    kubelet = {**claim, "job": "kubelet", "instance": "10.0.0.1:10250", "metrics_path": "/metrics"}
    yield from _series(
        "kubelet_volume_stats_used_bytes kubelet_volume_stats_capacity_bytes "
        "kubelet_volume_stats_available_bytes",
        kubelet,
    )
    yield from _series(
        "kube_pod_spec_volumes_persistentvolumeclaims_info",
        {**_state(namespace), **claim, "pod": pod, "uid": f"uid-{pod}", "volume": "data"},
    )


def _pod_state(of_pod: Labels, kind: str, name: str) -> Iterator[Labels]:
    """kube-state-metrics about one pod."""
    container = {**of_pod, "container": name}
    owner = {"owner_kind": "StatefulSet", "owner_name": name}
    if kind == "deployment":
        owner = {"owner_kind": "ReplicaSet", "owner_name": f"{name}-6d4cf56db6"}
    yield from _series("kube_pod_owner", {**of_pod, **owner})
    yield from _series("kube_pod_info", of_pod, node=["node-1"], pod_ip=["10.1.0.1"])
    yield from _series(
        "namespace_workload_pod:kube_pod_owner:relabel",
        {"namespace": of_pod["namespace"], "workload": name, "workload_type": kind, "pod": of_pod["pod"]},
    )
    yield from _series("kube_pod_status_ready", of_pod, condition=["true", "false", "unknown"])
    yield from _series(
        "kube_pod_status_phase", of_pod, phase=["Pending", "Running", "Succeeded", "Failed", "Unknown"]
    )
    yield from _series(
        "kube_pod_container_status_restarts_total kube_pod_container_status_ready "
        "kube_pod_container_status_running kube_pod_container_state_started",
        container,
    )
    # Healthy containers have no waiting or terminated reason; one that is killed now and then has the last.
    yield from _series("kube_pod_container_status_last_terminated_reason", container, reason=["OOMKilled"])
    yield from _series("kube_pod_container_status_waiting_reason", container, reason=["CrashLoopBackOff"])
    yield from _series("kube_pod_container_info", container, image=[f"registry.example/{name}:1.4.2"])
    for resource, unit in (("cpu", "core"), ("memory", "byte")):
        yield from _series(
            "kube_pod_container_resource_limits kube_pod_container_resource_requests",
            {**container, "resource": resource, "unit": unit, "node": "node-1"},
        )


def _usage(namespace: str, pod: str, name: str) -> Iterator[Labels]:
    """What cAdvisor says about one pod: its cgroup, its pause container and its container."""
    kubelet = {
        "namespace": namespace,
        "job": "kubelet",
        "instance": "10.0.0.1:10250",
        "metrics_path": "/metrics/cadvisor",
        "pod": pod,
    }
    for container, image in (("", ""), ("POD", "pause:3.10"), (name, f"{name}:1.4.2")):
        labels = {**kubelet, "container": container, "image": image, "id": f"/kubepods/{pod}/{container}"}
        yield from _series(
            "container_cpu_usage_seconds_total container_memory_working_set_bytes container_memory_rss",
            {key: value for key, value in labels.items() if value},
        )
    of_container = {**kubelet, "container": name, "image": f"{name}:1.4.2", "id": f"/kubepods/{pod}/{name}"}
    yield from _series(
        "container_cpu_cfs_throttled_periods_total container_cpu_cfs_periods_total", of_container
    )
    yield from _series(
        "container_network_receive_bytes_total container_network_transmit_bytes_total",
        kubelet,
        interface=["eth0"],
    )


def _monitoring(groups: int) -> Iterator[Labels]:
    """What Prometheus and Alertmanager say about themselves, and the alerts that Prometheus keeps."""
    for job, number in STACK_JOBS.items():
        for one in range(number):
            yield from _up(_target(NAMESPACE, job, f"{job}-{one}", one))
    prometheus = _target(NAMESPACE, "prometheus", "prometheus-0")
    names = [f"group-{number}" for number in range(groups + STACK_RULE_GROUPS)]
    yield from _series(
        "prometheus_rule_group_last_evaluation_timestamp_seconds prometheus_rule_group_last_duration_seconds "
        "prometheus_rule_group_interval_seconds prometheus_rule_evaluation_failures_total "
        "prometheus_rule_evaluations_total prometheus_rule_group_iterations_missed_total "
        "prometheus_rule_group_iterations_total prometheus_rule_group_last_rule_duration_sum_seconds "
        "prometheus_rule_group_rules prometheus_rule_group_last_evaluation_samples",
        prometheus,
        rule_group=names,
    )
    yield from _series(
        "prometheus_config_last_reload_successful prometheus_build_info prometheus_tsdb_head_series "
        "prometheus_tsdb_storage_blocks_bytes prometheus_tsdb_wal_storage_size_bytes "
        "prometheus_tsdb_head_chunks_storage_size_bytes prometheus_tsdb_retention_limit_bytes "
        "prometheus_tsdb_head_series_created_total prometheus_tsdb_head_samples_appended_total "
        "process_resident_memory_bytes process_cpu_seconds_total process_start_time_seconds",
        prometheus,
    )
    yield from _series(
        "prometheus_notifications_dropped_total prometheus_notifications_queue_length "
        "prometheus_notifications_queue_capacity prometheus_notifications_alertmanagers_discovered",
        prometheus,
    )
    yield from _series(
        "prometheus_notifications_errors_total prometheus_notifications_sent_total",
        prometheus,
        alertmanager=["http://10.0.0.1:9093/api/v2/alerts"],
    )
    alertmanager = _target(NAMESPACE, "alertmanager", "alertmanager-0")
    yield from _series(
        "alertmanager_notifications_total alertmanager_notifications_failed_total",
        alertmanager,
        integration=["email", "pagerduty", "slack", "webhook"],
    )
    yield from _series("alertmanager_config_last_reload_successful alertmanager_alerts", alertmanager)
    # One alert fires for each service, and the heartbeat.
    yield from _series("ALERTS", {"alertname": "Watchdog", "severity": "none"}, alertstate=["firing"])
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
        yield from _series("ALERTS", {**alert, "alertstate": "firing"})
        yield from _series("ALERTS_FOR_STATE", alert)
