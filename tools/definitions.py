"""The JSON Schema definitions that the comments in values.yaml refer to by name."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

Schema = dict[str, Any]

_LABEL = "([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
_HOST = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
# A segment of a path other than `.` and `..`.
_CHARACTER = "([-A-Za-z0-9_~!$&'()*+,;=:@]|%[013-9a-fA-F][0-9a-fA-F]|%2[0-9a-eA-E])"
_SEGMENT = f"\\.{{0,2}}({_CHARACTER}\\.*)+"
_DURATION = "".join(f"([1-9][0-9]*{unit})?" for unit in ("y", "w", "d", "h", "m", "s", "ms"))
_QUALIFIED = {"pattern": f"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_LABEL}$"}
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
_WINDOW = {"type": "string", "pattern": "^[1-9][0-9]*[smhdw]$"}
_NUMBER = {"type": ["number", "string"], "pattern": "^[0-9]+([.][0-9]+)?$"}
_SWITCH = {"enum": ["auto", True, False]}
_LABEL_NAME = {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}
_METRIC = {"type": "string", "pattern": "^([a-zA-Z_:][a-zA-Z0-9_:]*)?$"}
_MATCHERS = {"type": "object", "propertyNames": _LABEL_NAME, "additionalProperties": {"type": "string"}}


def _map(**properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _sli(**properties: Schema) -> Schema:
    return _map(objective=_NUMBER, **properties)


_ALERT = _map(
    enabled={"type": "boolean"}, **{"for": _WINDOW}, severity={"enum": ["critical", "warning", "info"]}
)
_LABELS = _map(**{key: {"type": "string", **_LABEL_NAME} for key in ("code", "route", "method")})
_ERRORS = _map(match=_MATCHERS, regexMatch=_MATCHERS)
_SLO_SERVICE = _map(
    namespace={"type": "string", "maxLength": 63, "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"},
    preset={"type": "string"},
    match=_MATCHERS,
    regexMatch=_MATCHERS,
    excludeRegex=_MATCHERS,
    scrape=_map(
        kind={"enum": ["ServiceMonitor", "PodMonitor", "existing", "parent"]},
        selector={"$ref": "#/definitions/labels"},
        port={"type": "string", "minLength": 1},
        path={"type": "string", "pattern": "^/"},
        interval=_WINDOW,
        scrapeTimeout={"type": "string", "pattern": "^([1-9][0-9]*[smhdw])?$"},
        honorLabels={"type": "boolean"},
    ),
    metrics=_map(
        requests=_METRIC,
        errors=_ERRORS,
        errorLabelOnSuccess={"type": "boolean"},
        duration=_METRIC,
        durationType={"enum": ["histogram", "nativeHistogram", "summary"]},
        unit={"enum": ["seconds", "milliseconds"]},
        bounds={"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}},
        durationHasErrors={"type": "boolean"},
        lazy={"type": "boolean"},
    ),
    labels=_LABELS,
    slis=_map(
        availability=_sli(enabled={"type": "boolean"}),
        latency=_sli(enabled=_SWITCH, threshold=_NUMBER, excludeErrors=_SWITCH),
    ),
    # uid of a Grafana dashboard
    dashboard={"type": "string", "maxLength": 40, "pattern": "^[-a-zA-Z0-9_]*$"},
    minBadRequests={"type": "integer", "minimum": 1},
    keepFiringFor=_WINDOW,
    alerts=_map(**dict.fromkeys(("down", "metricsMissing", "indicatorBroken", "trafficMissing"), _ALERT)),
)
_TEXT = {"type": "string", "minLength": 1}
_SECRET = {
    "secret": {"type": "string", "maxLength": 253, "pattern": f"^{_HOST}$"},
    "key": {"type": "string", "maxLength": 253, "pattern": "^[-._a-zA-Z0-9]+$"},
}


def _receiver(*required: str, **properties: Schema) -> Schema:
    return {**_map(sendResolved={"type": "boolean"}, **_SECRET, **properties), "required": list(required)}


_DAY = "(sun|mon|tues|wednes|thurs|fri|satur)day"
_MONTH = (
    "(january|february|march|april|may|june|july|august|september|october|november|december|1[0-2]|[1-9])"
)
_TIME = {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}
_DAY_OF_MONTH = {"type": "integer", "minimum": -31, "maximum": 31}


def _all_of(**properties: Schema) -> Schema:
    """A list of objects with exactly these properties."""
    return {"type": "array", "items": {**_map(**properties), "required": list(properties)}}


def _spans(value: str) -> Schema:
    """A list of values such as `monday` and of spans such as `monday:friday`."""
    return {"type": "array", "items": {"type": "string", "pattern": f"^{value}(:{value})?$"}}


# The format of AlertmanagerConfig.
_TIME_INTERVAL = _map(
    times=_all_of(startTime=_TIME, endTime=_TIME),
    weekdays=_spans(_DAY),
    daysOfMonth=_all_of(start=_DAY_OF_MONTH, end=_DAY_OF_MONTH),
    months=_spans(_MONTH),
    years=_spans("2[0-9]{3}"),
)
_RECEIVER = _map(
    webhook=_receiver("secret"),
    slack=_receiver("secret", channel=_TEXT),
    pagerduty=_receiver("secret"),
    email=_receiver(
        *("to", "from", "smarthost"),
        smarthost={"type": "string", "pattern": f"^{_HOST}:{_PORT}$"},
        username=_TEXT,
        **{"to": _TEXT, "from": _TEXT},
    ),
    opsgenie=_receiver(
        "secret", url={"type": "string", "pattern": f"^https?://{_HOST}(:{_PORT})?(/[-._~a-zA-Z0-9]+)*/?$"}
    ),
    config={
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9]+Configs$"},
        "additionalProperties": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
    },
)


def _complete(schema: Schema) -> Schema:
    """The schema of a map in which every key must be set, so that no template reads a missing one."""
    keys = schema.get("properties", {})
    if not keys or schema in (_ERRORS, _LABELS):
        return schema
    return {**schema, "required": list(keys), "properties": {name: _complete(keys[name]) for name in keys}}


DEFINITIONS: dict[str, Schema] = {
    "alertReceiverName": {"maxLength": 63, "pattern": f"^{_LABEL}$"},
    # A list is the format of older versions: a template refuses it, with a message that says what to write.
    "alertReceivers": {
        "type": ["object", "array"],
        "propertyNames": {"$ref": "#/definitions/alertReceiverName"},
        "additionalProperties": _RECEIVER,
    },
    "alertMuteTime": {
        **_map(
            severities={"type": "array", "minItems": 1, "items": {"enum": ["critical", "warning", "info"]}},
            timeIntervals={"type": "array", "minItems": 1, "items": _TIME_INTERVAL},
        ),
        "required": ["timeIntervals"],
    },
    "sloName": {"maxLength": 40, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
    "sloService": _SLO_SERVICE,
    "sloDefaults": _complete(_SLO_SERVICE),
    # null removes an entry of the values that this chart ships with.
    "sloEntry": {**_SLO_SERVICE, "type": ["object", "null"]},
    "sloWindow": _WINDOW,
    "sloInterval": {"type": "string", "pattern": "^([1-9]|[12][0-9]|30)s$"},
    "sloBurnRates": {
        "type": "array",
        "items": {
            **_map(
                long=_WINDOW,
                short=_WINDOW,
                budgetPercent={"type": "number", "exclusiveMinimum": 0, "maximum": 100},
            ),
            "required": ["long", "short", "budgetPercent"],
        },
    },
    "labels": {
        "type": "object",
        "propertyNames": _QUALIFIED,
        "additionalProperties": {"type": "string", "pattern": f"^{_LABEL}?$"},
    },
    "annotations": {
        "type": "object",
        "propertyNames": _QUALIFIED,
        "additionalProperties": {"type": "string"},
    },
    "duration": {"type": "string", "minLength": 2, "pattern": f"^{_DURATION}$"},
    "quantity": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$"},
    "host": {"type": "string", "maxLength": 253, "pattern": f"^(\\*\\.)?{_HOST}$"},
    "name": {"type": "string", "maxLength": 253, "pattern": f"^({_HOST})?$"},
    "registry": {"type": "string", "pattern": f"^({_HOST}(:[0-9]+)?(/[a-z0-9]+([._/-]+[a-z0-9]+)*)?)?$"},
    "endpoint": {"type": "string", "pattern": f"^(https?://{_HOST}(:{_PORT})?/?)?$"},
    "url": {"type": "string", "pattern": f"^(https?://{_HOST}(:{_PORT})?(/[-._~a-zA-Z0-9]+)*/?)?$"},
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
            "group": {"type": "string", "maxLength": 253, "pattern": f"^({_HOST})?$"},
            "kind": {"type": "string", "maxLength": 63, "pattern": "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"},
            "name": {"type": "string", "minLength": 1, "maxLength": 253},
            "namespace": {"type": "string", "maxLength": 63, "pattern": f"^{_HOST}$"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "sectionName": {"type": "string", "maxLength": 253, "pattern": f"^{_HOST}$"},
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
