"""What kube-state-metrics, the kubelet and cAdvisor expose about the workloads."""

from __future__ import annotations

from collections.abc import Iterator

from bench.dashboards.cluster import NEIGHBOURS, PODS, STORAGE_API
from bench.dashboards.count import Labels
from bench.dashboards.series.named import named


def series() -> Iterator[Labels]:
    """What kube-state-metrics, the kubelet and cAdvisor say about the services' pods."""
    for (namespace, name), pods in PODS.items():
        state = _state(namespace)
        stateful = name == STORAGE_API
        kind = "statefulset" if stateful else "deployment"
        desired = "kube_statefulset_replicas" if stateful else "kube_deployment_spec_replicas"
        ready = f"kube_{kind}_status_replicas_ready"
        yield from named(f"{desired} {ready}", {**state, kind: name})
        for pod in pods:
            yield from _pod_state({**state, "pod": pod, "uid": f"uid-{pod}"}, kind, name)
            yield from _usage(namespace, pod, name)
            if stateful:
                yield from _volume(namespace, pod)
        if not stateful:
            scaler = {**state, "horizontalpodautoscaler": name}
            yield from named(
                "kube_horizontalpodautoscaler_status_current_replicas "
                "kube_horizontalpodautoscaler_status_desired_replicas "
                "kube_horizontalpodautoscaler_spec_max_replicas",
                scaler,
            )
            target = {"scaletargetref_kind": "Deployment", "scaletargetref_name": name}
            yield from named("kube_horizontalpodautoscaler_info", {**scaler, **target})
    for namespace, names in NEIGHBOURS.items():
        for name in names:
            pod = f"{name}-5c9d8b7f6-x7k2p"
            replicas = "kube_deployment_spec_replicas kube_deployment_status_replicas_ready"
            yield from named(replicas, {**_state(namespace), "deployment": name})
            yield from _pod_state({**_state(namespace), "pod": pod, "uid": f"uid-{pod}"}, "deployment", name)
            yield from _usage(namespace, pod, name)
    # What only other workloads have.
    state = _state("kube-system")
    yield from named(
        "kube_daemonset_status_desired_number_scheduled kube_daemonset_status_number_ready",
        {**state, "daemonset": "kube-proxy"},
    )
    pending = {**state, "pod": "pending", "uid": "uid-pending"}
    yield from named("kube_pod_status_unschedulable", pending)
    waiting = {**pending, "container": "prepare", "reason": "ImagePullBackOff"}
    yield from named("kube_pod_init_container_status_waiting_reason", waiting)


def _state(namespace: str) -> Labels:
    """The labels of kube-state-metrics' series about a namespace."""
    return {"namespace": namespace, "job": "kube-state-metrics", "instance": "10.0.9.1:8080"}


def _volume(namespace: str, pod: str) -> Iterator[Labels]:
    """The volume of a pod: the kubelet does not say whose it is."""
    claim = {"namespace": namespace, "persistentvolumeclaim": f"data-{pod}"}
    kubelet = {**claim, "job": "kubelet", "instance": "10.0.0.1:10250", "metrics_path": "/metrics"}
    yield from named(
        "kubelet_volume_stats_used_bytes kubelet_volume_stats_capacity_bytes "
        "kubelet_volume_stats_available_bytes",
        kubelet,
    )
    yield from named(
        "kube_pod_spec_volumes_persistentvolumeclaims_info",
        {**_state(namespace), **claim, "pod": pod, "uid": f"uid-{pod}", "volume": "data"},
    )


def _pod_state(of_pod: Labels, kind: str, name: str) -> Iterator[Labels]:
    """kube-state-metrics about one pod."""
    container = {**of_pod, "container": name}
    owner = {"owner_kind": "StatefulSet", "owner_name": name}
    if kind == "deployment":
        owner = {"owner_kind": "ReplicaSet", "owner_name": f"{name}-6d4cf56db6"}
    yield from named("kube_pod_owner", {**of_pod, **owner})
    yield from named("kube_pod_info", of_pod, node=["node-1"], pod_ip=["10.1.0.1"])
    yield from named(
        "namespace_workload_pod:kube_pod_owner:relabel",
        {"namespace": of_pod["namespace"], "workload": name, "workload_type": kind, "pod": of_pod["pod"]},
    )
    yield from named("kube_pod_status_ready", of_pod, condition=["true", "false", "unknown"])
    yield from named(
        "kube_pod_status_phase", of_pod, phase=["Pending", "Running", "Succeeded", "Failed", "Unknown"]
    )
    yield from named(
        "kube_pod_container_status_restarts_total kube_pod_container_status_ready "
        "kube_pod_container_status_running kube_pod_container_state_started",
        container,
    )
    # Healthy containers have no waiting or terminated reason; one that is killed now and then has the last.
    yield from named("kube_pod_container_status_last_terminated_reason", container, reason=["OOMKilled"])
    yield from named("kube_pod_container_status_waiting_reason", container, reason=["CrashLoopBackOff"])
    yield from named("kube_pod_container_info", container, image=[f"registry.example/{name}:1.4.2"])
    for resource, unit in (("cpu", "core"), ("memory", "byte")):
        yield from named(
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
        yield from named(
            "container_cpu_usage_seconds_total container_memory_working_set_bytes container_memory_rss",
            {key: value for key, value in labels.items() if value},
        )
    of_container = {**kubelet, "container": name, "image": f"{name}:1.4.2", "id": f"/kubepods/{pod}/{name}"}
    yield from named(
        "container_cpu_cfs_throttled_periods_total container_cpu_cfs_periods_total", of_container
    )
    yield from named(
        "container_network_receive_bytes_total container_network_transmit_bytes_total",
        kubelet,
        interface=["eth0"],
    )
