"""Rendered objects as the models of the official Python client read them."""

import json
from typing import Any

from kubernetes import client

_API = client.ApiClient()


def is_built_in(document: dict[str, Any]) -> bool:
    """Whether the kind is one of Kubernetes' own: of the core, a group without a domain, or `k8s.io`."""
    group = document["apiVersion"].rpartition("/")[0]
    return "." not in group or (group.endswith(".k8s.io") and group != "gateway.networking.k8s.io")


def losses(document: dict[str, Any]) -> list[str]:
    """What a built-in object loses, gains or changes when the client reads and writes it, a line each."""
    version = document["apiVersion"].rpartition("/")[2]
    model = f"{version.capitalize()}{document['kind']}"
    name = f"{document['kind']} {document['metadata']['name']}"
    if not hasattr(client, model):
        return [f"{name}: the client has no model {model}"]
    try:
        read = _API.deserialize(json.dumps(document), model, "application/json")
    except (ValueError, TypeError, AttributeError) as error:
        return [f"{name}: {' '.join(str(error).split())}"]
    written = _API.sanitize_for_serialization(read)
    return [f"{name}: {line}" for line in differences(_without_empty(document), _without_empty(written))]


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two JSON values differ, a line for each place; `1` and `1.0` or `True` are different."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        return [
            line
            for key in keys
            for line in (
                differences(one[key], other[key], f"{path}/{key}")
                if key in one and key in other
                else [f"{path}/{key}: only {'before' if key in one else 'after'}"]
            )
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            line
            for index, (a, b) in enumerate(zip(one, other, strict=True))
            for line in differences(a, b, f"{path}/{index}")
        ]
    same = one == other and type(one) is type(other)
    return [] if same else [f"{path}: {one!r} became {other!r}"]


def _without_empty(value: Any) -> Any:
    """The value without fields that are null, which mean the same as none."""
    if isinstance(value, dict):
        return {key: _without_empty(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_empty(each) for each in value]
    return value
