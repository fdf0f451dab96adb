"""The stack's own Services, ServiceMonitors and pods, named as kube-prometheus-stack names them."""

from typing import Any

from lab.render.discovery import Pod, Port
from lab.render.stack import Stack

COMPONENTS = ("prometheus", "alertmanager")
_PORT = "http-web"
_NUMBERS = {"prometheus": 9090, "alertmanager": 9093}


def objects(stack: Stack) -> list[dict[str, Any]]:
    """A Service and a ServiceMonitor for each component that monitors itself."""
    made: list[dict[str, Any]] = []
    for component in COMPONENTS:
        monitor = stack.values[component]["serviceMonitor"]
        if not monitor["selfMonitor"]:
            continue
        labels = {"app": f"kube-prometheus-stack-{component}", "release": stack.release}
        metadata = {"name": f"{stack.fullname}-{component}", "namespace": stack.namespace}
        selector = {**labels, "self-monitor": "true"}
        made.append(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata | {"labels": selector},
                "spec": {
                    "selector": _pod_labels(component),
                    "ports": [{"name": _PORT, "port": _NUMBERS[component]}],
                },
            }
        )
        made.append(
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "ServiceMonitor",
                "metadata": metadata | {"labels": labels},
                "spec": {
                    "selector": {"matchLabels": selector},
                    "endpoints": [{"port": _PORT, "path": "/metrics", "interval": monitor["interval"]}],
                },
            }
        )
    return made


def pods(stack: Stack, addresses: dict[str, str]) -> list[Pod]:
    """The pods that the operator would run; `addresses` maps a component to its local host:port."""
    return [
        Pod(
            f"{component}-{stack.fullname}-{component}-0",
            stack.namespace,
            _pod_labels(component),
            (Port(_PORT, _NUMBERS[component], component, addresses[component]),),
        )
        for component in COMPONENTS
    ]


def _pod_labels(component: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": component}
