"""Strict schemas for rendered objects: unknown fields are errors.

Schemas of built-in kinds come from `kubernetes-validate`, those of custom kinds from their
CustomResourceDefinitions (module `crds`).
"""

import functools
import json
import re
from importlib import resources
from typing import Any

import jsonschema_rs

from tests.support.chart import crds

Schema = dict[str, Any]
DEFINITIONS = "https://kubernetes.io/api/_definitions.json"
_BUILT_IN = resources.files("kubernetes_validate") / "kubernetes-json-schema"


def kubernetes_versions() -> list[str]:
    """Kubernetes versions with schemas, such as `1.25.0`, oldest first."""
    found = {
        match[1] for f in _BUILT_IN.iterdir() if (match := re.fullmatch(r"v([\d.]+)-local-strict", f.name))
    }
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def errors(document: dict[str, Any], kubernetes_version: str) -> list[str]:
    """Schema violations of a rendered object, one line each; a kind without a schema is an error too."""
    api_version, kind = document["apiVersion"], document["kind"]
    try:
        validator = _validator(kubernetes_version, api_version, kind)
    except LookupError:
        return [f"{kind} ({api_version}): no schema for this kind in Kubernetes {kubernetes_version}"]
    name = document["metadata"]["name"]
    return [
        f"{kind} {name}: {'/'.join(map(str, e.instance_path))}: {e.message}"
        for e in validator.iter_errors(document)
    ]


@functools.cache
def _validator(version: str, api_version: str, kind: str) -> Any:
    """Compile the schema of a kind; raises LookupError if there is none."""
    group, _, group_version = api_version.rpartition("/")
    prefix = f"{group.partition('.')[0]}-" if group else ""
    file = _BUILT_IN / f"v{version}-local-strict" / f"{kind.lower()}-{prefix}{group_version}.json"
    if file.is_file():
        return jsonschema_rs.Draft202012Validator(
            json.loads(file.read_text(encoding="utf-8")), registry=_definitions(version)
        )
    schema = custom_schema(api_version, kind)
    metadata = {"$ref": f"{DEFINITIONS}#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    with_metadata = {**schema, "properties": {**schema["properties"], "metadata": metadata}}
    return jsonschema_rs.Draft202012Validator(with_metadata, registry=_definitions(version))


@functools.cache
def _definitions(version: str) -> Any:
    text = (_BUILT_IN / f"v{version}-local-strict" / "_definitions.json").read_text(encoding="utf-8")
    return jsonschema_rs.Registry([(DEFINITIONS, json.loads(text))])


@functools.cache
def custom_schema(api_version: str, kind: str) -> Schema:
    """The strict schema of a custom kind; raises LookupError."""
    group, _, group_version = api_version.rpartition("/")
    for version in crds.definition(group, kind)["spec"]["versions"]:
        if version["name"] == group_version:
            return _strict(version["schema"]["openAPIV3Schema"])
    raise LookupError(kind)


def _strict(schema: Any) -> Any:
    """Forbid unknown fields in a schema, and translate Kubernetes' extensions to JSON Schema."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        strict.pop("type", None)
        strict["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    open_object = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_object:
        strict["additionalProperties"] = False
    if isinstance(schema.get("nullable"), bool) and schema["nullable"] and "type" in strict:
        strict["type"] = [strict["type"], "null"]
    return strict
