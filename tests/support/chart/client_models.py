"""Round trip of rendered objects through the models of the official Kubernetes Python client."""

import json
from typing import Any

from kubernetes import client

_API = client.ApiClient()


def is_built_in(document: dict[str, Any]) -> bool:
    """Tell if Kubernetes itself defines the kind: its group is empty, has no domain, or ends in `.k8s.io`."""
    group = document["apiVersion"].rpartition("/")[0]
    return "." not in group or (group.endswith(".k8s.io") and group != "gateway.networking.k8s.io")


def losses(document: dict[str, Any]) -> list[str]:
    """Differences of a built-in object after the client has read and written it, one line each."""
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
    """Differences between two JSON values, one line each with the path; `1` differs from `1.0` and `True`."""
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
    """The value without null fields, which mean the same as missing ones."""
    if isinstance(value, dict):
        return {key: _without_empty(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_empty(each) for each in value]
    return value
