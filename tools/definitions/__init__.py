"""The JSON Schema definitions that the comments in values.yaml refer to by name.

Those of the larger values have modules of their own: `slo` and `alerting`.
"""

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

from tools.definitions import alerting, slo
from tools.definitions.patterns import HOST, LABEL, PORT, Schema

# A segment of a path other than `.` and `..`.
_CHARACTER = "([-A-Za-z0-9_~!$&'()*+,;=:@]|%[013-9a-fA-F][0-9a-fA-F]|%2[0-9a-eA-E])"
_SEGMENT = f"\\.{{0,2}}({_CHARACTER}\\.*)+"
_DURATION = "".join(f"([1-9][0-9]*{unit})?" for unit in ("y", "w", "d", "h", "m", "s", "ms"))
_QUALIFIED = {"pattern": f"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{LABEL}$"}
_RELABEL_ACTIONS = [
    *("replace", "keep", "drop", "hashmod", "labelmap", "labeldrop", "labelkeep"),
    *("lowercase", "uppercase", "keepequal", "dropequal"),
]
_METRIC_FAMILIES = [
    *("http_request_count", "http_request_duration_seconds"),
    *("http_server_active_requests", "http_server_busy_threads", "http_server_open_connections"),
    *("http_server_queued_requests", "http_server_request_body_size_bytes"),
    *("http_server_request_duration_seconds", "http_server_response_body_size_bytes", "http_server_threads"),
    *("storage_objects", "storage_operation_duration_seconds", "storage_operations", "storage_stored_bytes"),
]

DEFINITIONS: dict[str, Schema] = {
    **slo.DEFINITIONS,
    **alerting.DEFINITIONS,
    "labels": {
        "type": "object",
        "propertyNames": _QUALIFIED,
        "additionalProperties": {"type": "string", "pattern": f"^{LABEL}?$"},
    },
    "annotations": {
        "type": "object",
        "propertyNames": _QUALIFIED,
        "additionalProperties": {"type": "string"},
    },
    "duration": {"type": "string", "minLength": 2, "pattern": f"^{_DURATION}$"},
    "quantity": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$"},
    "host": {"type": "string", "maxLength": 253, "pattern": f"^(\\*\\.)?{HOST}$"},
    "name": {"type": "string", "maxLength": 253, "pattern": f"^({HOST})?$"},
    "registry": {"type": "string", "pattern": f"^({HOST}(:[0-9]+)?(/[a-z0-9]+([._/-]+[a-z0-9]+)*)?)?$"},
    "endpoint": {"type": "string", "pattern": f"^(https?://{HOST}(:{PORT})?/?)?$"},
    "url": {"type": "string", "pattern": f"^(https?://{HOST}(:{PORT})?(/[-._~a-zA-Z0-9]+)*/?)?$"},
    # A path that the Gateway API accepts: no empty, `.` or `..` segment.
    "path": {"type": "string", "maxLength": 1024, "pattern": f"^/$|^(/{_SEGMENT})+/?$"},
    "metricFamily": {"enum": _METRIC_FAMILIES},
    "relabeling": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "action": {"enum": _RELABEL_ACTIONS},
            "modulus": {"type": "integer", "minimum": 0},
            **{key: {"type": "string"} for key in ("regex", "replacement", "separator", "targetLabel")},
            "sourceLabels": {"type": "array", "items": {"type": "string"}},
        },
    },
    # A folder of Grafana, which is also a folder on its disk: Grafana ignores those that begin with a dot.
    "folder": {"type": "string", "minLength": 1, "maxLength": 189, "pattern": "^[^./\\s]([^/]*[^/\\s])?$"},
    "dashboard": {
        "type": "object",
        "required": ["json"],
        "additionalProperties": False,
        "properties": {
            "folder": {"$ref": "#/definitions/folder"},
            "json": {"type": "string", "minLength": 1},
        },
    },
    "datasource": {
        "type": "object",
        "required": ["name", "type", "uid"],
        "properties": {key: {"type": "string", "minLength": 1} for key in ("name", "type", "uid")},
    },
    "parentRef": {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "group": {"type": "string", "maxLength": 253, "pattern": f"^({HOST})?$"},
            "kind": {"type": "string", "maxLength": 63, "pattern": "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"},
            "name": {"type": "string", "minLength": 1, "maxLength": 253},
            "namespace": {"type": "string", "maxLength": 63, "pattern": f"^{HOST}$"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "sectionName": {"type": "string", "maxLength": 253, "pattern": f"^{HOST}$"},
        },
    },
}
"""Our own definitions; every other name is a type of Kubernetes."""


def referenced(schema: Schema) -> dict[str, Schema]:
    """The definitions that a schema refers to; Kubernetes' types come from its newest strict schemas."""
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema"
    newest = max(
        (tuple(map(int, match[1].split("."))), file)
        for file in folder.iterdir()
        if (match := re.fullmatch(r"v([\d.]+)-local-strict", file.name))
    )[1]
    kubernetes = json.loads((newest / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    found: dict[str, Schema] = {}
    waiting = set(_references(schema))
    while waiting:
        name = waiting.pop()
        found[name] = DEFINITIONS.get(name) or _without_prose(kubernetes[name])
        waiting |= set(_references(found[name])) - found.keys()
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/definitions/")
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _without_prose(schema: Any) -> Any:
    """A Kubernetes definition without descriptions and formats, with its references made relative to ours."""
    if isinstance(schema, list):
        return [_without_prose(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.replace("#/$defs/", "#/definitions/") if key == "$ref" else _without_prose(value)
        for key, value in schema.items()
        if not key.startswith("x-kubernetes-")
        and not (key in ("description", "format") and isinstance(value, str))
    }
