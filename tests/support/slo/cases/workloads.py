"""What kube-state-metrics and cAdvisor tell about the pods of two services, one of which they share."""

from collections.abc import Iterator, Mapping

from tests.support.slo.case import SEVERAL, Case
from tests.support.slo.cases.pods import owned, target, told
from tests.support.slo.series import counter, selector
from tests.support.slo.vocabulary import exactly

SHARED, CART = 'pod="shared"', 'pod="cart-0"'
CHART = {"services": SEVERAL}
SCALER = ("service:hpa:current", "service:hpa:desired", "service:hpa:max")
PODS = ("shared", "cart-0", "stranger")
BOTH = {name: f'namespace="shop", slo_service="{name}"' for name in ("checkout", "cart", "stranger")}


def by_pod(record: str, shared: float, cart: float | None) -> list[tuple[str, str, Mapping[str, float]]]:
    """Queries for the record of both services: the shared pod has the same value in each."""
    own = [] if cart is None else [(CART, cart)]
    return [
        exactly("20m", record, (SHARED, shared)),
        exactly("20m", record, (SHARED, shared), *own, service=BOTH["cart"]),
        exactly("20m", record, service=BOTH["stranger"]),
    ]


def others() -> dict[str, str]:
    """What is recorded for a service of another release, and for a namesake in another namespace."""
    found = {}
    for namespace, service, pod in (("shop", "stranger", "stranger"), ("test", "checkout", "shared")):
        labels = {"namespace": namespace, "slo_service": service}
        found[selector("service:pod:info", **labels, pod=pod)] = "1x200"
        found[selector("service:workload:info", **labels, workload=service)] = "1x200"
    return found


def services() -> dict[str, str]:
    """Targets and workloads of both services. The pod `stranger` belongs to another one."""
    return {
        **others(),
        **target("shared"),
        **target("shared", job="cart"),
        **target("cart-0", job="cart"),
        **owned("checkout", "shared"),
        **owned("cart", "cart-0"),
        **owned("stranger", "stranger"),
    }


def measured(name: str, rates: Mapping[str, float], pod: str, **labels: str) -> dict[str, str]:
    """A counter of cAdvisor by container, which two jobs scrape. In another namespace it grows faster."""
    found = {}
    for namespace, faster in (("shop", 1), ("test", 9)):
        for container, rate in rates.items():
            labels |= {"namespace": namespace, "pod": pod, "container": container}
            for job in ("kubelet", "cadvisor"):
                found[selector(name, **labels, job=job)] = counter([("20m", faster * rate)])
    return found


def cases() -> Iterator[Case]:
    yield _state()
    yield _usage()
    yield _limits()
    yield _replicas()


def _state() -> Case:
    """Readiness and restarts."""
    series = services()
    for number, pod in enumerate(PODS):
        for condition in ("true", "false", "unknown"):
            ready = (condition == "true") == (pod == "shared") and condition != "unknown"
            series |= told("kube_pod_status_ready", f"{int(ready)}x200", pod=pod, condition=condition)
        for container, restarts in (("app", 2), ("proxy", number + 1)):
            labels = {"pod": pod, "container": container}
            series |= told("kube_pod_container_status_restarts_total", f"{restarts}x200", **labels)
            series |= told("kube_pod_container_status_restarts_total", "90x200", **labels, namespace="test")
    series |= told("kube_pod_status_ready", "0x200", pod="shared", condition="true", namespace="test")
    # A pod that is not scheduled yet has no condition Ready.
    series |= owned("cart", "cart-1") | told("kube_pod_owner", "1x200", pod="cart-1", owner_name="cart")
    return Case(
        name="readiness and restarts of pods, one of which two services share",
        series=series,
        until="20m",
        queries=[
            exactly("20m", "service:pod:ready", (SHARED, 1)),
            exactly(
                "20m", "service:pod:ready", (SHARED, 1), (CART, 0), ('pod="cart-1"', 0), service=BOTH["cart"]
            ),
            *by_pod("service:pod_restarts:total", 3, 4),
        ],
        chart=CHART,
    )


def _usage() -> Case:
    """CPU, throttling, memory and network, which cAdvisor tells by container and for the whole pod."""
    series = services()
    for pod, scale in (("shared", 1), ("cart-0", 2), ("stranger", 9)):
        used = {"app": scale, "proxy": 3 * scale, "": 5 * scale, "POD": 9 * scale}
        series |= measured("container_cpu_usage_seconds_total", used, pod)
        throttled = {container: rate / 10 for container, rate in used.items()}
        series |= measured("container_cpu_cfs_throttled_periods_total", throttled, pod)
        periods = {"app": 0.4, "proxy": 0.4, "": 50, "POD": 90}
        series |= measured("container_cpu_cfs_periods_total", periods, pod)
        for container, size in used.items():
            labels = {"pod": pod, "container": container}
            series |= told("container_memory_working_set_bytes", f"{100 * size}x200", **labels)
            series |= told("container_memory_working_set_bytes", "9000x200", **labels, namespace="test")
        for interface, rate in (("eth0", 40 * scale), ("eth1", 10 * scale)):
            for direction, part in (("receive", rate), ("transmit", 3 * rate)):
                name = f"container_network_{direction}_bytes_total"
                series |= measured(name, {"": part}, pod, interface=interface)
    # A pod that has not run yet has no periods, of which no share can be told.
    series |= owned("cart", "cart-1") | measured(
        "container_cpu_cfs_throttled_periods_total", {"app": 0}, "cart-1"
    )
    series |= measured("container_cpu_cfs_periods_total", {"app": 0}, "cart-1")
    return Case(
        name="CPU, memory and network of pods: containers only, each once, whoever scrapes them twice",
        series=series,
        until="20m",
        queries=[
            *by_pod("service:pod_cpu:cores", 4, 8),
            *by_pod("service:pod_cpu_throttled:ratio", 0.5, 1),
            *by_pod("service:pod_memory:bytes", 400, 800),
            *by_pod("service:pod_network_receive:bytes_rate", 50, 100),
            *by_pod("service:pod_network_transmit:bytes_rate", 150, 300),
        ],
        chart=CHART,
    )


def _limits() -> Case:
    """Limits: in the pod `cart-0` one container has none."""
    series = services()
    for namespace, size in (("shop", 1), ("test", 9)):
        for pod in PODS:
            for container in ("app", "proxy"):
                labels = {"namespace": namespace, "pod": pod, "container": container}
                series |= told("kube_pod_container_info", "1x200", **labels)
                if (pod, container) != ("cart-0", "proxy") or namespace == "test":
                    for resource, limit in (("cpu", 2), ("memory", 64), ("ephemeral_storage", 900)):
                        name = "kube_pod_container_resource_limits"
                        series |= told(name, f"{limit * size}x200", **labels, resource=resource)
    return Case(
        name="the limit of a pod is the sum of its containers' limits; without one of them there is none",
        series=series,
        until="20m",
        queries=[
            *by_pod("service:pod_cpu_limit:cores", 4, None),
            *by_pod("service:pod_memory_limit:bytes", 128, None),
        ],
        chart=CHART,
    )


def _replicas() -> Case:
    """A Deployment with an autoscaler, a StatefulSet, a DaemonSet, and workloads of others."""
    series = {
        **others(),
        **target("a"),
        **owned("checkout", "a"),
        **target("a", job="cart"),
        **owned("cart", "cart-0"),
    }
    series |= {**target("cart-0", job="cart"), **target("agent", job="agent"), **owned("agent", "agent")}
    kinds = {
        ("deployment", "checkout"): ("spec_replicas", "status_replicas_ready"),
        ("statefulset", "cart"): ("replicas", "status_replicas_ready"),
        ("daemonset", "agent"): ("status_desired_number_scheduled", "status_number_ready"),
    }
    for (kind, own), (desired, ready) in kinds.items():
        for namespace, workload, size in (("shop", own, 1), ("shop", "stranger", 7), ("test", "checkout", 9)):
            labels = {"namespace": namespace, kind: workload}
            series |= told(f"kube_{kind}_{desired}", f"{3 * size}x200", **labels)
            series |= told(f"kube_{kind}_{ready}", f"{2 * size}x200", **labels)
    # While a workload changes its kind, both have the same name.
    series |= told("kube_deployment_spec_replicas", "1x200", deployment="cart")
    series |= told("kube_deployment_status_replicas_ready", "1x200", deployment="cart")
    counts = {"status_current_replicas": 2, "status_desired_replicas": 3, "spec_max_replicas": 5}
    scaled = [("shop", "checkout", 1), ("shop", "cart", 2), ("shop", "stranger", 5), ("test", "checkout", 9)]
    for namespace, workload, size in scaled:
        labels = {"namespace": namespace, "horizontalpodautoscaler": f"{workload}-by-cpu"}
        series |= told("kube_horizontalpodautoscaler_info", "1x200", **labels, scaletargetref_name=workload)
        for name, count in counts.items():
            series |= told(f"kube_horizontalpodautoscaler_{name}", f"{count * size}x200", **labels)
    desired, ready = "service:replicas:desired", "service:replicas:ready"
    agent = 'namespace="shop", slo_service="agent"'
    return Case(
        name="replicas of every kind of workload, summed over the workloads of a service, and its autoscaler",
        series=series,
        until="20m",
        queries=[
            exactly("20m", desired, ("", 3)),
            exactly("20m", ready, ("", 2)),
            exactly("20m", desired, ("", 7), service=BOTH["cart"]),
            exactly("20m", ready, ("", 5), service=BOTH["cart"]),
            *(exactly("20m", name, service=BOTH["stranger"]) for name in (desired, ready, *SCALER)),
            exactly("20m", desired, ("", 3), service=agent),
            exactly("20m", ready, ("", 2), service=agent),
            exactly("20m", "service:hpa:current", ("", 2)),
            exactly("20m", "service:hpa:desired", ("", 3)),
            exactly("20m", "service:hpa:max", ("", 5)),
            exactly("20m", "service:hpa:current", ("", 2 + 4), service=BOTH["cart"]),
            exactly("20m", "service:hpa:desired", ("", 3 + 6), service=BOTH["cart"]),
            exactly("20m", "service:hpa:max", ("", 5 + 10), service=BOTH["cart"]),
        ],
        chart=CHART,
    )
