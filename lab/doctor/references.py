"""The Secrets and ConfigMaps that rendered objects refer to, and those that come with the release."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from lab.doctor.plan import Object, Plan

_CONFIG_MAP = {"configMap", "configMapRef", "configMapKeyRef"}
_SECRET = {"secret", "secretRef", "nodePublishSecretRef", "azureFile"}
_NAMES = {"secrets": "Secret", "configMaps": "ConfigMap", "configSecret": "Secret"}
"""Fields of the operator's servers that hold nothing but names."""
_WITHOUT_REFERENCES = {"labels", "annotations", "selector", "matchLabels", "nodeSelector"}
"""Fields whose own fields may have any name."""
TLS_KEYS = ("tls.crt", "tls.key")


class Source(NamedTuple):
    """A Secret or ConfigMap."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.namespace}"

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/{self.kind.lower()}s/{self.name}"


class Reference(NamedTuple):
    """An object's need of a Secret or ConfigMap, without those that are optional."""

    source: Source
    keys: tuple[str, ...]
    """The keys that must be there; none if all keys are taken as they are."""
    owner: str
    """Such as `Deployment platform-storage-api`."""
    vital: bool
    """False if the release works without it: only `helm test` or TLS of an Ingress needs it."""


def references(plan: Plan) -> Iterator[Reference]:
    """All references. Those to pull images with are left to the check of images."""
    for each in plan.objects:
        owner, namespace = f"{each['kind']} {each['metadata']['name']}", plan.namespace_of(each)
        vital = "test" not in (each["metadata"].get("annotations") or {}).get("helm.sh/hook", "")
        for kind, name, keys in _in(each.get("spec")):
            yield Reference(Source(kind, namespace, name), keys, owner, vital)
        if each["kind"] == "Ingress":
            for tls in each["spec"].get("tls") or ():
                if name := tls.get("secretName"):
                    yield Reference(Source("Secret", namespace, name), TLS_KEYS, owner, vital=False)


def _in(part: Any, field: str = "") -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Kind, name and keys of each reference in a part of an object, which is the value of `field`."""
    if field in _WITHOUT_REFERENCES:
        return
    if isinstance(part, list):
        for each in part:
            yield from _in(each, field)
    elif isinstance(part, str) and part and field in _NAMES:
        yield _NAMES[field], part, ()
    elif isinstance(part, dict) and not part.get("optional"):
        name = part.get("secretName") or part.get("name")
        # Selectors of a key have these fields only; the operator's have many names, such as `urlSecret`.
        selector = {"name", "key"} <= part.keys() <= {"name", "key", "optional"}
        if isinstance(name, str) and name and (selector or field in _SECRET | _CONFIG_MAP):
            items = [part] if selector else part.get("items") or ()
            kind = "ConfigMap" if field in _CONFIG_MAP else "Secret"
            yield kind, name, tuple(item["key"] for item in items)
        for key, value in part.items():
            yield from _in(value, key)


def supplied(plan: Plan) -> set[Source]:
    """What the release brings, or lets others create once it is installed."""
    found = set()
    for each in plan.objects:
        namespace, spec = plan.namespace_of(each), each.get("spec") or {}
        found.add(Source("ConfigMap", namespace, "kube-root-ca.crt"))  # Kubernetes creates it everywhere
        if each["kind"] in ("Secret", "ConfigMap"):
            found.add(Source(each["kind"], namespace, each["metadata"]["name"]))
        found |= {Source("Secret", namespace, name) for name in _created_by(each, spec)}
    return found


def _created_by(each: Object, spec: Object) -> Iterator[str]:
    """Names of Secrets that something creates because of this object."""
    if each["kind"] == "Certificate" and spec.get("secretName"):
        yield spec["secretName"]
    elif each["kind"] == "Ingress" and any(
        re.fullmatch(r"cert-manager\.io/(cluster-)?issuer", key)
        for key in each["metadata"].get("annotations") or ()
    ):
        yield from (tls["secretName"] for tls in spec.get("tls") or () if tls.get("secretName"))
    elif each["kind"] == "Job":  # kube-webhook-certgen, which creates the certificate of a webhook
        for container in spec["template"]["spec"]["containers"]:
            for argument in container.get("args") or ():
                if match := re.fullmatch(r"--secret-name=(.+)", argument):
                    yield match[1]
