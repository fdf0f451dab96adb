"""The storage API's pod in a render, and the environment of its container."""

import base64
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.ports import HOST
from lab.render.chart import Render
from lab.render.discovery import Pod, Port

CONTAINER = "storage-api"
# For each store: the variable with its bucket, and the variables with credentials.
_BUCKETS = {
    "s3": ("STORE_S3_BUCKET", {"AWS_ACCESS_KEY_ID"}),
    "gcs": ("STORE_GCS_BUCKET", {"GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS"}),
    "azure": ("STORE_AZURE_CONTAINER", {"AZURE_STORAGE_ACCOUNT_KEY", "AZURE_CLIENT_SECRET"}),
}
PORTS = {"http": "PORT", "metrics": "METRICS_PORT"}
"""The container's ports by name, and the variable that sets each in the service."""
_KINDS = ("Deployment", "StatefulSet")


@dataclass(frozen=True)
class Workload:
    pod: Pod
    environment: dict[str, str]
    """Variables as the container would see them."""

    def local(self, objects: Path) -> dict[str, str]:
        """The environment for a local process, with local addresses and the folder for objects."""
        ports = {PORTS[port.name]: port.address.rpartition(":")[2] for port in self.pod.ports}
        folder = {"STORE_PATH": str(objects)} if "STORE_PATH" in self.environment else {}
        return self.environment | ports | folder | {"HOST": HOST}


def needs(render: Render) -> list[str]:
    """Secrets, ConfigMaps and buckets that the container needs but the values do not provide, in words."""
    pod, container = _container(render, {})
    container = copy.deepcopy(container)
    missing: list[str] = []
    for kind, reference in _references(container):
        if not reference.get("optional") and not render.find(kind, reference["name"]):
            missing.append(f"the {kind} {reference['name']}")
            reference["optional"] = True
    environment = _environment(container, render, pod)
    if "AUTH_TOKENS_FILE" in environment:
        missing.append("the Secret of storage-api.auth.existingSecret")
    store = environment.get("STORE", "")
    variable, credentials = _BUCKETS.get(store, ("", set()))
    if (
        variable
        and f"STORE_{store.upper()}_ENDPOINT" not in environment
        and not credentials & set(environment)
    ):
        missing.insert(
            0, f"access to the bucket {environment.get(variable)} (storage-api.store.type: {store})"
        )
    return list(dict.fromkeys(missing))


def find(render: Render, addresses: Mapping[str, str]) -> Workload:
    """The one storage-api container that the render runs; raises LabError.

    `addresses` maps the names in PORTS to local host:port.
    """
    pod, container = _container(render, addresses)
    return Workload(pod, _environment(container, render, pod))


def _container(render: Render, addresses: Mapping[str, str]) -> tuple[Pod, dict[str, Any]]:
    for workload in (o for o in render.ours if o["kind"] in _KINDS):
        for container in workload["spec"]["template"]["spec"]["containers"]:
            if container["name"] == CONTAINER:
                return pod_of(workload, container, addresses), container
    raise LabError(f"these values render no container {CONTAINER!r}: storage-api.enabled must be true")


def pod_of(workload: Mapping[str, Any], container: Mapping[str, Any], addresses: Mapping[str, str]) -> Pod:
    """The first pod of a workload; `addresses` maps the names of the container's ports to local host:port."""
    metadata = workload["metadata"]
    ports = (
        Port(port["name"], port["containerPort"], container["name"], addresses.get(port["name"], ""))
        for port in container["ports"]
    )
    labels = workload["spec"]["template"]["metadata"]["labels"]
    return Pod(f"{metadata['name']}-0", metadata["namespace"], labels, tuple(ports))


def _references(container: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and reference of each ConfigMap and Secret that variables are read from."""
    sources = [*(container.get("envFrom") or ())]
    sources += [variable["valueFrom"] for variable in container.get("env") or () if "valueFrom" in variable]
    for source in sources:
        for key, reference in source.items():
            if key.startswith(("configMap", "secret")):
                yield ("ConfigMap" if key.startswith("configMap") else "Secret"), reference


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
                raise LabError(f"{name} comes from {kind} {source[key]['name']}, which does not have the key")
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
