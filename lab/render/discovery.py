"""Static targets with the `__meta_` labels that Kubernetes' service discovery would give them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Labels = dict[str, str]


@dataclass(frozen=True)
class Port:
    """A container's port, and the local address that serves it."""

    name: str
    number: int
    container: str
    address: str


@dataclass(frozen=True)
class Pod:
    """A pod whose container runs as a local process."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    ports: tuple[Port, ...]


@dataclass(frozen=True)
class Target:
    """One port of one pod behind one Service, as the discovery role `endpointslice` presents it."""

    address: str
    labels: Labels = field(default_factory=dict)


def targets(service: Mapping[str, Any], pods: Iterable[Pod]) -> Iterator[Target]:
    """The targets behind a Service."""
    selector = service["spec"].get("selector") or {}
    namespace = service["metadata"]["namespace"]
    for pod in pods:
        if not selector or pod.namespace != namespace or not selector.items() <= pod.labels.items():
            continue
        for service_port in service["spec"]["ports"]:
            wanted = service_port.get("targetPort", service_port["port"])
            for port in pod.ports:
                if wanted in (port.name, port.number):
                    yield Target(port.address, _meta(service, service_port.get("name", ""), pod, port))


def _meta(service: Mapping[str, Any], port_name: str, pod: Pod, port: Port) -> Labels:
    labels = {
        "namespace": pod.namespace,
        "service_name": service["metadata"]["name"],
        "endpointslice_port_name": port_name,
        "pod_name": pod.name,
        "pod_container_name": port.container,
        "pod_container_port_name": port.name,
        "pod_container_port_number": str(port.number),
    }
    for kind, given in (("service", service["metadata"].get("labels") or {}), ("pod", pod.labels)):
        labels |= {f"{kind}_label_{sanitize(key)}": value for key, value in given.items()}
    return {f"__meta_kubernetes_{key}": value for key, value in labels.items()}


def sanitize(label: str) -> str:
    """A Kubernetes label name as Prometheus writes it, such as `app_kubernetes_io_name`."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", label)
