"""The CustomResourceDefinitions of the kinds that are rendered."""

import re
from collections.abc import Mapping
from typing import Any

from lab.doctor.checks import release
from lab.doctor.cluster import Cluster, Object
from lab.doctor.plan import MONITORING, Plan
from lab.doctor.result import Result, fail, listed, ok, warn

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_INSTALL = "helm show crds . | kubectl apply --server-side --force-conflicts --filename -"


def definitions(cluster: Cluster, plan: Plan) -> Result:
    """Are the kinds there, or brought by the install, and do they know every field that is rendered?"""
    missing = {
        (each["apiVersion"], each["kind"])
        for each in plan.objects
        if cluster.resource(each["apiVersion"], each["kind"]) is None
    }
    brought = {(api, kind) for api, kind in missing if api.startswith(f"{MONITORING}/") and plan.crds}
    if others := missing - brought:
        names = listed(f"{kind} ({api})" for api, kind in others)
        ours = any(api.startswith(f"{MONITORING}/") for api, _ in others)
        return fail(
            f"the cluster has no {names}",
            _INSTALL
            if ours
            else "install the project that defines them, or disable the values that render them",
        )
    if brought and release.installed(cluster, plan):
        return fail(
            f"the cluster has no {listed(kind for _, kind in brought)}, and an upgrade brings none",
            _INSTALL,
        )
    there = {each["metadata"]["name"]: each for each in cluster.items(DEFINITIONS, metadata_only=True)}
    if unknown := _unknown_fields(cluster, plan, there):
        return fail(
            f"the definitions in the cluster do not know {listed(unknown, 3)}", f"update them: {_INSTALL}"
        )
    if old := _old(plan, there):
        return warn(f"definitions are older than the operator: {listed(old, 3)}", f"update them: {_INSTALL}")
    if brought:
        return ok(f"the install brings {len(plan.crds)} definitions of prometheus-operator")
    return ok("all kinds are there, with all fields that are rendered")


def _old(plan: Plan, there: Mapping[str, Object]) -> list[str]:
    """Definitions of an older operator than the bundled one, such as `probes (0.80.0, not 0.93.1)`."""
    found = []
    for name, wanted in plan.crds.items():
        notes = there.get(name, {}).get("metadata", {}).get("annotations") or {}
        version = notes.get("operator.prometheus.io/version", "")
        if version and _number(version) < _number(wanted):
            found.append(f"{name.partition('.')[0]} ({version}, not {wanted})")
    return found


def _number(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _unknown_fields(cluster: Cluster, plan: Plan, there: Mapping[str, Object]) -> set[str]:
    """Rendered fields that a definition lacks, such as `ServiceMonitor.spec.scrapeClass`."""
    rendered: dict[tuple[str, str], list[Object]] = {}
    for each in plan.objects:
        resource = cluster.resource(each["apiVersion"], each["kind"])
        if resource and (name := f"{resource.plural}.{resource.group}") in there:
            rendered.setdefault((name, each["apiVersion"].rpartition("/")[2]), []).append(each)
    found = set()
    for (name, version), objects in rendered.items():
        crd = cluster.get(f"{DEFINITIONS}/{name}")
        schema = next(v["schema"]["openAPIV3Schema"] for v in crd["spec"]["versions"] if v["name"] == version)
        spec = (schema.get("properties") or {}).get("spec") or {}
        for each in objects:
            found.update(_beyond(spec, each.get("spec"), f"{each['kind']}.spec"))
    return found


def _beyond(schema: Object, value: Any, path: str) -> list[str]:
    """Paths in `value` that a structural schema does not describe."""
    if isinstance(value, list):
        return [found for item in value for found in _beyond(schema.get("items") or {}, item, path)]
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return []
    known = schema.get("properties")
    if known is None:
        inner = schema.get("additionalProperties")
        inner = inner if isinstance(inner, dict) else {}
        return [found for item in value.values() for found in _beyond(inner, item, path)]
    return [
        found
        for key, item in value.items()
        for found in (_beyond(known[key], item, f"{path}.{key}") if key in known else [f"{path}.{key}"])
    ]
