"""The storage API's pod of a render, and the environment its container is given."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.ports import HOST
from lab.render.chart import Render
from lab.render.discovery import Pod, Port

CONTAINER = "storage-api"
PORTS = {"http": "PORT", "metrics": "METRICS_PORT"}
"""The container's ports by name, and the variable that tells the service of each."""
_KINDS = ("Deployment", "StatefulSet")


@dataclass(frozen=True)
class Workload:
    pod: Pod
    environment: dict[str, str]
    """As the container would see it."""

    def local(self, objects: Path) -> dict[str, str]:
        """The environment of a process that stands for the container: its addresses and folder are here."""
        ports = {PORTS[port.name]: port.address.rpartition(":")[2] for port in self.pod.ports}
        folder = {"STORE_PATH": str(objects)} if "STORE_PATH" in self.environment else {}
        return self.environment | ports | folder | {"HOST": HOST}


def find(render: Render, addresses: Mapping[str, str]) -> Workload:
    """The one storage-api container that the render runs; raises LabError.

    `addresses` gives the local host:port of each port that it may have, by the names in PORTS.
    """
    for workload in (o for o in render.ours if o["kind"] in _KINDS):
        template = workload["spec"]["template"]
        for container in template["spec"]["containers"]:
            if container["name"] == CONTAINER:
                metadata = workload["metadata"]
                pod = Pod(
                    f"{metadata['name']}-0",
                    metadata["namespace"],
                    template["metadata"]["labels"],
                    tuple(
                        Port(port["name"], port["containerPort"], CONTAINER, addresses[port["name"]])
                        for port in container["ports"]
                    ),
                )
                return Workload(pod, _environment(container, render, pod))
    raise LabError(f"these values render no container {CONTAINER!r}: storage-api.enabled must be true")


def _environment(container: Mapping[str, Any], render: Render, pod: Pod) -> dict[str, str]:
    variables: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix", "")
        for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if key in source:
                data = _data(render, kind, source[key])
                variables |= {f"{prefix}{name}": value for name, value in data.items()}
    for variable in container.get("env") or ():
        value = variable.get("value", "")
        if "valueFrom" in variable:
            value = _value_from(variable["name"], variable["valueFrom"], render, pod)
        if value is not None:
            variables[variable["name"]] = value
    return variables


def _value_from(name: str, source: Mapping[str, Any], render: Render, pod: Pod) -> str | None:
    for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
        if key in source:
            value = _data(render, kind, source[key]).get(source[key]["key"])
            if value is None and not source[key].get("optional"):
                raise LabError(f"{name} comes from {kind} {source[key]['name']}, which has no such key")
            return value
    fields = {"metadata.name": pod.name, "metadata.namespace": pod.namespace, "status.podIP": "127.0.0.1"}
    path = (source.get("fieldRef") or {}).get("fieldPath")
    if path not in fields:
        raise LabError(f"{name} comes from {', '.join(source)} {path or ''}, which exists only in a cluster")
    return fields[path]


def _data(render: Render, kind: str, reference: Mapping[str, Any]) -> dict[str, str]:
    for item in render.find(kind, reference["name"]):
        decoded = {key: base64.b64decode(value).decode() for key, value in _binary(kind, item).items()}
        return (
            decoded
            | (item.get("stringData") or {})
            | ((item.get("data") or {}) if kind == "ConfigMap" else {})
        )
    if reference.get("optional"):
        return {}
    raise LabError(
        f"the storage API's settings come from {kind} {reference['name']}, which these values don't render"
    )


def _binary(kind: str, item: Mapping[str, Any]) -> Mapping[str, str]:
    return (item.get("data") or {}) if kind == "Secret" else {}
