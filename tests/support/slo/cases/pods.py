"""The pods of a service, how many there should be, and their versions, starts, problems and volumes."""

from collections.abc import Iterator

from tests.support.slo.case import Case
from tests.support.slo.series import TARGET, counter, gauge, selector
from tests.support.slo.vocabulary import exactly

OWNER = "namespace_workload_pod:kube_pod_owner:relabel"
MONITORS = ("ksm-0", "ksm-1")
"""Two instances of kube-state-metrics, each of which tells the same."""


def target(pod: str, up: int = 1, **labels: str) -> dict[str, str]:
    """The series `up` of a target in a pod."""
    own = {**TARGET, "pod": pod, "instance": pod, "container": "app"}
    return {selector("up", **{**own, **labels}): f"{up}x200"}


def owned(workload: str, *pods: str, namespace: str = "shop") -> dict[str, str]:
    """The pods of a workload, as kube-prometheus-stack records them."""
    return {selector(OWNER, namespace=namespace, workload=workload, pod=pod): "1x200" for pod in pods}


def told(name: str, values: str, **labels: str) -> dict[str, str]:
    """A series of both instances of kube-state-metrics, with its target's labels where it has none itself."""
    labels = {"namespace": "shop", "pod": "monitor", "container": "kube-state-metrics", **labels}
    return {selector(name, **labels, instance=instance): values for instance in MONITORS}


def cases() -> Iterator[Case]:
    pods, workloads = "service:pod:info", "service:workload:info"
    payment = {"namespace": "shop", "slo_service": "payment"}
    others = (
        {selector(workloads, **payment, workload="payment"): "1x200"}
        | owned("payment", "x")
        | owned("checkout", "z", namespace="test")
    )
    others |= target("y", job="payment") | target("y", namespace="test")
    yield Case(
        name="a pending pod of the targets' workload counts, and no pod of others",
        series={
            **target("a"),
            **target("b", up=0),
            **owned("checkout-v2", "a", "b", "pending"),
            **owned("checkout", "old"),
            **others,
        },
        until="5m",
        queries=[
            exactly("5m", workloads, ('workload="checkout-v2"', 1)),
            exactly("5m", pods, *((f'pod="{pod}"', 1) for pod in ("a", "b", "pending"))),
            exactly("5m", "service:pod:up", ('pod="a"', 1), ('pod="b"', 0)),
        ],
    )
    yield Case(
        name="without a target, the workload with the service's name counts",
        series={**owned("checkout", "pending"), **others},
        until="5m",
        queries=[
            exactly("5m", workloads, ('workload="checkout"', 1)),
            exactly("5m", pods, ('pod="pending"', 1)),
            exactly("5m", "service:pod:up"),
        ],
    )
    yield Case(
        name="the workload is the one of the values",
        series={**target("gateway"), **owned("gateway", "gateway"), **owned("shop", "a"), **others},
        until="5m",
        queries=[
            exactly("5m", workloads, ('workload="shop"', 1)),
            exactly("5m", pods, ('pod="gateway"', 1), ('pod="a"', 1)),
        ],
        values={"workload": "shop"},
    )
    yield Case(
        name="a pod with two targets is down if one of them is, and targets without a pod have none",
        series={**target("a"), **target("a", up=0, instance="metrics"), **target("", instance="outside")},
        until="5m",
        queries=[exactly("5m", pods, ('pod="a"', 1)), exactly("5m", "service:pod:up", ('pod="a"', 0))],
    )
    yield Case(
        name="the pods of a proxy in another namespace are not those of the service",
        series={
            **target("proxy", namespace="proxies"),
            **owned("proxy", "proxy", namespace="proxies"),
            **owned("checkout", "a"),
            **told("kube_deployment_spec_replicas", "3x200", deployment="checkout"),
        },
        until="5m",
        queries=[
            exactly("5m", pods, ('pod="a"', 1)),
            exactly("5m", "service:replicas:desired", ("", 3)),
            exactly("5m", "service:targets:expected", ("", 1)),
        ],
        values={"match": {"namespace": "proxies"}},
    )
    yield from _expected()
    yield _starts_and_versions()
    yield _version_metric()
    yield _problems()
    yield _volumes()


def _expected() -> Iterator[Case]:
    """How many targets there should be."""
    expected, state = "service:targets:expected", "service:state"
    traffic = {selector("http_requests_total", **TARGET, code="200"): counter([("20m", 4)])}
    yield Case(
        name="one of three replicas is degraded, though every known target answers",
        series={
            **target("a"),
            **owned("checkout", "a"),
            **traffic,
            **told("kube_deployment_spec_replicas", "1x20 3x180", deployment="checkout"),
        },
        until="20m",
        queries=[
            exactly("10m", expected, ("", 1)),
            exactly("10m", state, ("", 0)),
            exactly("20m", expected, ("", 3)),
            exactly("20m", state, ("", 2)),
        ],
    )
    yield Case(
        name="without kube-state-metrics the known targets are expected, and without any, none",
        series=dict.fromkeys([*target("a"), *target("b")], "1x10 0x10 stale"),
        until="20m",
        queries=[
            exactly("10m", expected, ("", 2)),
            exactly("10m30s", "service:targets:up", ("", 0)),
            exactly("11m", expected, ("", 0)),
        ],
    )


def _starts_and_versions() -> Case:
    """Pods whose images are named in every way; a sidecar is newer and has another version."""
    images = {
        "a": "registry:5000/shop/checkout:1.2@sha256:ab",
        "b": "checkout@sha256:ab",
        "c": "registry:5000/checkout",
        "d": "checkout:1.3",
    }
    versions = ('pod="a", version="1.2"', 'pod="b", version="sha256:ab"', 'pod="c"', 'pod="d", version="1.3"')
    series = {selector("process_start_time_seconds", **{**TARGET, "job": "payment"}): "9000x200"}
    for pod, image in images.items():
        series |= target(pod)
        for container, spec, start in (("app", image, 700), ("proxy", "proxy:9", 800)):
            labels = {"pod": pod, "container": container}
            series |= told("kube_pod_container_info", "1x200", **labels, image_spec=spec)
            series |= told("kube_pod_container_state_started", f"{start}x200", **labels)
    series[selector("process_start_time_seconds", **{**TARGET, "pod": "a"})] = "705x200"
    series[selector("process_start_time_seconds", **{**TARGET, "namespace": "test", "pod": "a"})] = "9000x200"
    return Case(
        name="start and version of a pod are those of its process, or of its container",
        series=series,
        until="5m",
        queries=[
            exactly("5m", "service:pod_version:info", *((labels, 1) for labels in versions)),
            exactly(
                "5m",
                "service:pod_start_time:seconds",
                *((f'pod="{pod}"', 705 if pod == "a" else 700) for pod in images),
            ),
        ],
    )


def _version_metric() -> Case:
    """A metric with the version, of the service and of others; a pod without the label has no version."""
    series = target("a")
    for more in ({}, {"pod": "b", "instance": "b"}, {"job": "payment", "pod": "x"}, {"namespace": "test"}):
        version = {} if more.get("pod") == "b" else {"service_version": more.get("pod", "2.0")}
        series[selector("target_info", **{**TARGET, **more}, **version)] = "1x200"
    series |= told("kube_pod_container_info", "1x200", pod="a", container="app", image_spec="checkout:1.0")
    return Case(
        name="the version of a pod is that of the service's own metric",
        series=series,
        until="5m",
        queries=[exactly("5m", "service:pod_version:info", ('pod="a", version="2.0"', 1))],
        values={"version": {"metric": "target_info", "label": "service_version"}},
    )


def _problems() -> Case:
    """Why pods do not run, and why they were restarted; `x` and the pods of other namespaces are others'."""
    waiting = "kube_pod_container_status_waiting_reason"
    init = "kube_pod_init_container_status_waiting_reason"
    ended = "kube_pod_container_status_last_terminated_reason"
    restarts = "kube_pod_container_status_restarts_total"
    series = {**target("a"), **target("b"), **owned("checkout", "a", "b", "pending")}
    for pod in ("a", "x"):
        series |= told(waiting, "1x200", pod=pod, container="app", reason="CrashLoopBackOff")
        series |= told(init, "1x200", pod=pod, container="init", reason="ErrImagePull")
        series |= told("kube_pod_status_unschedulable", "1x200", pod=pod.replace("a", "pending"))
        series |= told(ended, "1x200", pod=pod, container="proxy", reason="OOMKilled")
        series |= told(restarts, "0x10 1x190", pod=pod, container="proxy")
    series[selector("service:pod:info", namespace="shop", slo_service="payment", pod="x")] = "1x200"
    series[selector("service:pod:info", namespace="test", slo_service="checkout", pod="b")] = "1x200"
    series |= told(ended, "0x200", pod="a", container="proxy", reason="Error")
    for name in (waiting, init, ended):
        for namespace, value in (("shop", 0), ("test", 1)):
            labels = {"namespace": namespace, "pod": "b", "container": "app"}
            series |= told(name, f"{value}x200", **labels, reason="CreateContainerError")
    for container, reason, count in (("proxy", "Completed", "0x10 1x190"), ("app", "Error", "1x200")):
        series |= told(ended, "1x200", pod="b", container=container, reason=reason)
        series |= told(restarts, count, pod="b", container=container)
    series |= told("kube_pod_status_unschedulable", "1x200", pod="pending", namespace="test")
    lasting = [
        ('pod="a", container="app", reason="CrashLoopBackOff"', 1),
        ('pod="a", container="init", reason="ErrImagePull"', 1),
        ('pod="pending", reason="Unschedulable"', 1),
    ]
    problems = "service:pod_problem:info"
    return Case(
        name="containers that wait, pods without a node, and restarts of the last hour are problems",
        series=series,
        until="90m",
        queries=[
            exactly("20m", problems, *lasting, ('pod="a", container="proxy", reason="OOMKilled"', 1)),
            exactly("90m", problems, *lasting),
        ],
    )


def _volumes() -> Case:
    """A claim that two pods mount and that moved to another node, and one of others."""
    series = {**target("a"), **target("b")}
    series[selector("service:pod:info", namespace="shop", slo_service="payment", pod="x")] = "1x200"
    for pod, claim in (("a", "data"), ("b", "data"), ("x", "other")):
        mounted = "kube_pod_spec_volumes_persistentvolumeclaims_info"
        series |= told(mounted, "1x200", pod=pod, persistentvolumeclaim=claim)
    volumes = [("n1", "shop", "data", 25), ("n2", "shop", "data", 40)]
    volumes += [("n1", "shop", "other", 1), ("n1", "test", "data", 1)]
    for node, namespace, claim, free in volumes:
        labels = {"namespace": namespace, "persistentvolumeclaim": claim, "node": node}
        series[selector("kubelet_volume_stats_available_bytes", **labels)] = gauge([("20m", free)])
        series[selector("kubelet_volume_stats_capacity_bytes", **labels)] = gauge([("20m", 100)])
    return Case(
        name="the used share of a volume is that of the claims that the pods mount",
        series=series,
        until="5m",
        queries=[exactly("5m", "service:volume_used:ratio", ('persistentvolumeclaim="data"', 0.75))],
    )
