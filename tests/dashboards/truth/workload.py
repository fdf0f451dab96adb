"""The truth of the dashboard "Workload": what the pods of tests/support/workload use by their own count."""

from math import nan

from tests.dashboards.truth import Panels
from tests.dashboards.truth.expected import Expected, Rows, between, exactly, last, near, text
from tests.support.dashboard.variables import ALL, View
from tests.support.workload.objects import CPU_LIMIT, FRAME_BYTES, MAX_REPLICAS, MEMORY_LIMIT, MIB, NAMESPACE
from tests.support.workload.seen import Seen

IN = f'{{namespace="{NAMESPACE}"}}'
CONTAINERS = f'container_memory_working_set_bytes{{namespace="{NAMESPACE}", container="worker"'
RECORDED = f'{{namespace="{NAMESPACE}", slo_service="worker"}}'
INCREASE = 0.25
"""`increase` estimates the growth between the samples and the ends of the window."""
THROTTLED = 0.05
"""Tolerance of the share of throttled periods, which changes within seconds on a busy machine."""
GRACE_BYTES = 2 * MIB
SCRAPES = 300
"""Bytes per second that scrapes, probes and name lookups of a pod take at most."""
INTERPRETER = (4 * MIB, 32 * MIB)
"""The memory of a Python that holds nothing."""

VIEWS = [
    View("end", {"namespace": (NAMESPACE,), "service": ("worker",), "pod": (ALL,)}),
    View("end", {"namespace": (NAMESPACE,), "service": ("worker",), "pod": ("worker-0",)}),
    View("end", {"namespace": (NAMESPACE,), "service": ("worker",), "pod": ("worker-1", "worker-2")}),
    View("end", {"namespace": (NAMESPACE,), "service": ("idle",), "pod": (ALL,)}),
    View("end", {"namespace": (NAMESPACE,), "service": ("agent",), "pod": (ALL,)}),
]
PANELS = Panels()


def variables(seen: Seen) -> dict[str, list[str]]:
    services = sorted({pod.rpartition("-")[0].partition("-")[0] for pod in seen.restarts})
    return {
        "namespace": [NAMESPACE],
        "service": services,
        "pod": sorted(pod for pod in seen.restarts if pod.startswith(seen.service)),
    }


@PANELS("Ready", unit="short")
def ready(seen: Seen) -> dict[str, Expected]:
    return {"replicas": text("3 of 5" if seen.service == "worker" else "1 of 1")}


@PANELS("Restarts in the last hour", unit="short")
def restarts(seen: Seen) -> dict[str, Expected]:
    return {"restarts": _restarts(seen, *seen.pods)}


def _restarts(seen: Seen, *pods: str) -> Expected:
    """The restarts that the API server counts, without those before the rules first saw the pod."""
    before = seen.own(f"min by (pod) (min_over_time(service:pod_restarts:total{RECORDED}[1h]))")
    number = sum(seen.restarts[pod] - before.get(pod, 0) for pod in pods)
    return near(number, INCREASE) if number else exactly(0)


@PANELS("Autoscaler", unit="short")
def autoscaler(seen: Seen) -> dict[str, Expected]:
    return {"replicas": text(f"5 of {MAX_REPLICAS}")} if seen.service == "worker" else {}


@PANELS("Why is a pod not running?", unit={"Restarts": "short"})
def problems(seen: Seen) -> Rows:
    reasons = {
        "worker-2": ["Error"],
        "worker-3": ["CrashLoopBackOff", "Error"],
        "worker-4": ["Unschedulable"],
    }
    rows = {}
    for pod in seen.pods:
        for reason in reasons.get(pod, [None]):
            row: dict[str, Expected] = {"Ready": text("ready" if _is_ready(pod) else "not ready")}
            if pod != "worker-4":  # it has no container yet, so that none can have been restarted
                row["Restarts"] = _restarts(seen, pod)
                if reason:
                    row["Container"] = text("worker")
            rows[pod, reason] = row
    return Rows(("Pod", "Reason"), rows)


def _is_ready(pod: str) -> bool:
    return pod not in ("worker-3", "worker-4")


@PANELS("Which pods were ready?", unit="short")
def readiness(seen: Seen) -> dict[str, Expected]:
    return {pod: text("ready" if _is_ready(pod) else "not ready") for pod in seen.pods}


@PANELS("How much CPU is used?", unit="short")
def cpu(seen: Seen) -> dict[str, Expected]:
    used = seen.own(f"rate(process_cpu_seconds_total{IN}[{seen.window}])")
    return _measured(
        seen, {pod: last(cores, seen.tolerance, 0.004) for pod, cores in used.items()}, exactly(CPU_LIMIT)
    )


@PANELS("How much memory is used?", unit="bytes")
def memory(seen: Seen) -> dict[str, Expected]:
    """A pod that holds nothing has an interpreter; one that holds something, that and as much."""
    held = seen.own(f"held_bytes{IN}")
    expected = {pod: between(*INTERPRETER, "a Python") for pod in held}
    if "worker-1" in held:
        empty = seen.raw(f'{CONTAINERS}, pod="worker-0"}}').get("worker-0", nan)
        expected["worker-1"] = near(empty + held["worker-1"], 0, GRACE_BYTES)
    return _measured(seen, expected, exactly(MEMORY_LIMIT))


def _measured(seen: Seen, expected: dict[str, Expected], limit: Expected) -> dict[str, Expected]:
    """With the limit, and with a container that crashes at once, if cAdvisor caught one at all."""
    caught = seen.raw(f'{CONTAINERS}, pod="worker-3"}}')
    crashed = {pod: between(0, INTERPRETER[1], "next to nothing") for pod in caught if pod in seen.pods}
    return expected | crashed | {"limit": limit}


@PANELS("Is CPU withheld?", unit="percentunit")
def throttled(seen: Seen) -> dict[str, Expected]:
    throttled, periods = (
        f"rate({name}_total{IN}[{seen.window}])" for name in ("throttled_periods", "periods")
    )
    share = f"({throttled} / ({periods} > 0))[90s:10s]"
    least, most = (seen.own(f"{bound}_over_time({share})") for bound in ("min", "max"))
    return {
        pod: between(least[pod] - THROTTLED, most[pod] + THROTTLED, "its shares of 90 s ±0.05")
        for pod in least
    }


@PANELS("How many replicas are wanted, and ready?", unit="short")
def replicas(seen: Seen) -> dict[str, Expected]:
    if seen.service != "worker":
        return {"ready": exactly(1), "wanted": exactly(1)}
    return {
        "ready": exactly(3),
        "wanted": exactly(5),
        "wanted by the autoscaler": exactly(5),
        "maximum": exactly(MAX_REPLICAS),
    }


@PANELS("How full are the volumes?", unit="percentunit")
def volumes(seen: Seen) -> dict[str, Expected]:
    """The volumes of the pods that run, all on one disk; the choice of pods does not matter."""
    if seen.service != "worker":
        return {}
    return {f"data-worker-{number}": near(seen.volume_used, 0, 0.03) for number in range(3)}


@PANELS("How much goes over the network?", unit="Bps")
def network(seen: Seen) -> dict[str, Expected]:
    sent, received = (
        sum(seen.own(f"rate({name}_datagrams_total{IN}[{seen.window}])").values()) * FRAME_BYTES
        for name in ("sent", "received")
    )
    other = SCRAPES * len(seen.pods)
    return {"receive": last(received, seen.tolerance, other), "transmit": last(sent, seen.tolerance, other)}
