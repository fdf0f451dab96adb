"""The pod specs of a render, and checks against the Pod Security Standard `restricted`."""

from collections.abc import Iterable, Iterator
from typing import Any

Object = dict[str, Any]
Name = tuple[str, str]
"""Kind and name of the object that a pod comes from."""

OPERATOR_KINDS = ("Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler")
"""Kinds whose pods the operator creates; it gives its own containers a restricted security context."""
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def pod_specs(objects: Iterable[Object]) -> Iterator[tuple[Name, Object]]:
    """The pod spec of each workload, job and hook among the objects."""
    for o in objects:
        spec = o.get("spec") or {}
        if o["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if o["kind"] == "Pod":
            yield (o["kind"], o["metadata"]["name"]), spec
        elif isinstance(spec.get("template"), dict) and "spec" in spec["template"]:
            yield (o["kind"], o["metadata"]["name"]), spec["template"]["spec"]


def operator_pod_specs(objects: Iterable[Object]) -> Iterator[tuple[Name, Object]]:
    """The parts of the operator's pods that the values set: pod fields and additional containers."""
    for o in objects:
        if o["kind"] in OPERATOR_KINDS:
            yield (o["kind"], o["metadata"]["name"]), o["spec"]


def containers(spec: Object) -> list[Object]:
    return [*spec.get("initContainers", ()), *spec.get("containers", ())]


def restricted_faults(spec: Object) -> Iterator[str]:
    """Violations of the Pod Security Standard `restricted` in a pod spec, one line each."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield field
    for volume in spec.get("volumes", ()):
        for kind in volume.keys() - {"name"} - RESTRICTED_VOLUMES:
            yield f"volume {volume['name']}: {kind}"
    pod = spec.get("securityContext") or {}
    if pod.get("runAsUser") == 0:
        yield "runAsUser: 0"
    for each in containers(spec):
        name, own = each["name"], each.get("securityContext") or {}
        context = {**pod, **own}
        capabilities = own.get("capabilities", {})
        if own.get("privileged"):
            yield f"{name}: privileged"
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: allowPrivilegeEscalation"
        if "ALL" not in capabilities.get("drop", ()) or set(capabilities.get("add", ())) - {
            "NET_BIND_SERVICE"
        }:
            yield f"{name}: capabilities {capabilities}"
        if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
            yield f"{name}: may run as root"
        if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{name}: seccompProfile"
        if any(port.get("hostPort") for port in each.get("ports", ())):
            yield f"{name}: hostPort"
