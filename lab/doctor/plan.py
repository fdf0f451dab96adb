"""The release that would be installed: its rendered objects, and what they need of a cluster."""

import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import ROOT
from lab.errors import LabError
from lab.render.chart import DEPENDENCY, NAMESPACE, RELEASE, dependency_package, render_chart

Object = dict[str, Any]
MONITORING = "monitoring.coreos.com"
_TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet", "Job")
_OPERATED = ("Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler")
# The operator writes this into each container that it adds.
_OPERATED_CONTAINER = {
    "name": "added by the operator",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Pod:
    """Pods of one rendered object."""

    owner: str
    """Such as `DaemonSet node-exporter`."""
    namespace: str
    spec: Object
    on_every_node: bool

    @property
    def containers(self) -> list[Object]:
        return [
            each
            for key in ("initContainers", "containers", "ephemeralContainers")
            for each in self.spec.get(key) or ()
        ]


@dataclass(frozen=True)
class Plan:
    objects: list[Object]
    release: str = RELEASE
    namespace: str = NAMESPACE
    stack: Mapping[str, Any] = field(default_factory=dict)
    """The values of kube-prometheus-stack."""
    crds: Mapping[str, str] = field(default_factory=dict)
    """CustomResourceDefinitions that the first install brings -> the operator's version that they are for."""
    stand_in: bool = False
    """True if the package of kube-prometheus-stack is missing, so that its objects are not known."""

    @property
    def bundled(self) -> bool:
        """True if the release brings its own operator."""
        return bool(self.stack.get("enabled", True))

    def namespace_of(self, each: Object) -> str:
        """The namespace of a rendered object, which for a namespaced one need not be written."""
        return each["metadata"].get("namespace") or self.namespace

    def find(self, *kinds: str) -> Iterator[Object]:
        return (each for each in self.objects if each["kind"] in kinds)

    def pods(self) -> Iterator[Pod]:
        """The pods, those of `helm test` and those that the operator creates included."""
        for each in self.objects:
            kind, spec = each["kind"], each.get("spec") or {}
            if kind in _TEMPLATES:
                pod = spec["template"]["spec"]
            elif kind == "CronJob":
                pod = spec["jobTemplate"]["spec"]["template"]["spec"]
            elif kind == "Pod":
                pod = spec
            elif kind in _OPERATED:
                # Entries without an image change a container of the operator.
                own = [c for c in spec.get("containers") or () if "image" in c]
                pod = spec | {"containers": [_OPERATED_CONTAINER, *own]}
            else:
                continue
            owner = f"{kind} {each['metadata']['name']}"
            yield Pod(owner, self.namespace_of(each), pod, kind == "DaemonSet")

    def claims(self) -> Iterator[tuple[str, Object]]:
        """The owner and the spec of each claim for a volume."""
        for each in self.objects:
            spec, owner = each.get("spec") or {}, f"{each['kind']} {each['metadata']['name']}"
            if each["kind"] == "PersistentVolumeClaim":
                yield owner, spec
            elif each["kind"] == "StatefulSet":
                yield from ((owner, claim["spec"]) for claim in spec.get("volumeClaimTemplates") or ())
            elif each["kind"] in _OPERATED:
                claim = (spec.get("storage") or {}).get("volumeClaimTemplate")
                yield from [(owner, claim.get("spec") or {})] if claim else []

    def operator(self) -> Object | None:
        """The Deployment of the release's own operator, if it brings one."""
        return next(filter(is_operator, self.find("Deployment")), None)


def is_operator(deployment: Object) -> bool:
    """True for a prometheus-operator, by its image or, where the image is renamed, by its label."""
    images = [c.get("image", "") for c in deployment["spec"]["template"]["spec"]["containers"]]
    names = {re.sub(r"[:@].*$", "", image.rpartition("/")[2]) for image in images}
    label = (deployment["metadata"].get("labels") or {}).get("app.kubernetes.io/name", "")
    return "prometheus-operator" in names or label == "prometheus-operator"


def operator_arguments(deployment: Object) -> list[str]:
    """The words of its command line."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return [argument for c in containers for argument in [*c.get("command", ()), *c.get("args", ())]]


def settings(environment: Mapping[str, str]) -> tuple[str, str, list[Path]]:
    """RELEASE, NAMESPACE and VALUES; raises LabError for a name that Kubernetes would not accept.

    The VALUES of a running lab do not count: they are not what will be installed.
    """
    release, namespace = environment.get("RELEASE") or RELEASE, environment.get("NAMESPACE") or NAMESPACE
    for variable, name in (("RELEASE", release), ("NAMESPACE", namespace)):
        if not _NAME.fullmatch(name):
            raise LabError(
                f"{variable}={name!r}: a name has at most 63 lower-case letters, digits and '-', "
                "and begins and ends with a letter or digit"
            )
    return release, namespace, [Path(path).absolute() for path in environment.get("VALUES", "").split()]


def read_plan(environment: Mapping[str, str], kubernetes_version: str | None) -> Plan:
    """Renders the chart as `helm install` would; raises RenderError, ToolError, LabError."""
    release, namespace, files = settings(environment)
    render = render_chart(
        value_files=files, kubernetes_version=kubernetes_version, release=release, namespace=namespace
    )
    stack = render.values.get(DEPENDENCY) or {}
    brings = stack.get("enabled", True) and (stack.get("crds") or {}).get("enabled", True)
    return Plan(render.objects, release, namespace, stack, _bundled_crds() if brings else {}, render.stand_in)


def _bundled_crds(root: Path = ROOT) -> dict[str, str]:
    """The package's CustomResourceDefinitions. Reading their 4 MB as YAML would take seconds."""
    package = dependency_package(root)
    if package is None:
        return {}
    found = {}
    with tarfile.open(package) as archive:
        for member in archive:
            if match := re.fullmatch(r".*/charts/crds/crds/crd-(\w+)\.yaml", member.name):
                text = archive.extractfile(member).read().decode()
                version = re.search(r"^\s*operator\.prometheus\.io/version: (\S+)", text, re.MULTILINE)
                found[f"{match[1]}.{MONITORING}"] = version[1] if version else ""
    return found
