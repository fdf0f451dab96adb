"""Workloads that use known amounts, as Kubernetes objects: the truth for the dashboard "Workload".

The StatefulSet `worker` has a pod for each kind of trouble. The Deployment `idle` and the DaemonSet `agent`
have none.

| pod | what it does |
|---|---|
| worker-0 | asks for a whole core and gets its limit of 0.2 or, on a busy machine, less; it is throttled |
| worker-1 | uses half of its limit, takes 8 MiB every 10 s up to 96 MiB, sends `idle` 50 datagrams a second |
| worker-2 | exits twice, each time after a minute, and then stays |
| worker-3 | exits at once, always: CrashLoopBackOff |
| worker-4 | Pending: its volume's StorageClass does not exist. The autoscaler asks for this replica |
"""

from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

NAMESPACE = "observability-e2e-workload"
SERVICES = ("worker", "idle", "agent")
MIB = 1 << 20
CPU_LIMIT = 0.2
MEMORY_LIMIT = 256 * MIB
AMOUNTS = {
    "PACED_CORES": 0.1,
    "STEP_BYTES": 8 * MIB,
    "STEP_SECONDS": 10,
    "STEPS": 12,
    "DATAGRAMS": 50,
    "DATAGRAM_BYTES": 1000,
    "PORT": 9999,
    "RESTARTS": 2,
    "RUN_SECONDS": 60,
}
FRAME_BYTES = AMOUNTS["DATAGRAM_BYTES"] + 14 + 20 + 8
"""A datagram on the wire, as network interfaces count it: with the headers of Ethernet, IP and UDP."""
REPLICAS, MIN_REPLICAS, MAX_REPLICAS = 4, 5, 6
PROGRAM = (Path(__file__).with_name("program.py")).read_text(encoding="utf-8")


def entries() -> dict[str, Object]:
    """The workloads as `services` of charts/slo, which has their pods scraped."""
    service = {"namespace": NAMESPACE, "preset": "promhttp", "slis": {"latency": {"enabled": False}}}
    return dict.fromkeys(SERVICES, service)


def owner_groups() -> list[Object]:
    """Rule groups that record the workload of each pod, as kube-prometheus-stack does."""
    return yaml.safe_load(Path(__file__).with_name("pod_owner_rules.yaml").read_text(encoding="utf-8"))[
        "groups"
    ]


def objects(namespace: str, image: str) -> list[Object]:
    """Every object in `namespace`, for `kubectl apply`; `image` has a `python`."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}}
    worker = _workload("StatefulSet", "worker", namespace, _pod("worker", image, volumes=True))
    worker["spec"] |= {
        "replicas": REPLICAS,
        "serviceName": "worker",
        "podManagementPolicy": "Parallel",
        # The local-path provisioner then makes a volume of the type that the kubelet measures.
        "volumeClaimTemplates": [
            {"metadata": {"name": "data", "annotations": {"volumeType": "local"}}, "spec": claim}
        ],
    }
    idle = _workload("Deployment", "idle", namespace, _pod("idle", image, role="receive"))
    idle["spec"]["replicas"] = 1
    return [
        _object("v1", "PersistentVolumeClaim", "data-worker-4", namespace)
        | {"spec": {**claim, "storageClassName": "none-of-this-name"}},
        *(_service(name, namespace) for name in SERVICES),
        idle,
        _workload("DaemonSet", "agent", namespace, _pod("agent", image, role="sleep")),
        worker,
    ]


def autoscaler(namespace: str) -> Object:
    """An autoscaler that wants one replica more than there are, and then no further one."""
    target = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "worker"}
    never = {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "100"}}
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", "worker", namespace) | {
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": MIN_REPLICAS,
            "maxReplicas": MAX_REPLICAS,
            "metrics": [{"type": "Resource", "resource": never}],
        }
    }


def _object(version: str, kind: str, name: str, namespace: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def _service(name: str, namespace: str) -> Object:
    """A headless Service, whose pods charts/slo makes Prometheus scrape."""
    service = _object("v1", "Service", name, namespace)
    service["metadata"]["labels"] = {"app.kubernetes.io/name": name}
    ports = [{"name": "metrics", "port": 8000}]
    return service | {"spec": {"clusterIP": "None", "selector": {"app": name}, "ports": ports}}


def _workload(kind: str, name: str, namespace: str, pod: Object) -> Object:
    labels = {"app": name}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return _object("apps/v1", kind, name, namespace) | {"spec": spec}


def _pod(name: str, image: str, role: str = "", volumes: bool = False) -> Object:
    """A pod of one container, as PodSecurity `restricted` allows it."""
    env = [{"name": key, "value": str(value)} for key, value in AMOUNTS.items()]
    env += [{"name": "ROLE", "value": role}] if role else []
    container = {
        "name": name,
        "image": image,
        "command": ["python", "-c", PROGRAM],
        "env": env,
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": str(CPU_LIMIT), "memory": str(MEMORY_LIMIT)},
        },
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        # Without it, a container that exits at once would be ready until then.
        "readinessProbe": {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 5, "timeoutSeconds": 5},
    }
    spec = {
        "containers": [container],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "fsGroup": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if volumes:
        container["volumeMounts"] = [
            {"name": "data", "mountPath": "/data"},
            {"name": "state", "mountPath": "/state"},
        ]
        spec["volumes"] = [{"name": "state", "emptyDir": {}}]
    return spec
