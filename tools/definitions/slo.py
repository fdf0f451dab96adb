"""Definitions of the values of charts/slo."""

from tools.definitions.patterns import Schema, closed_map

_WINDOW = {"type": "string", "pattern": "^[1-9][0-9]*[smhdw]$"}
_NUMBER = {"type": ["number", "string"], "pattern": "^[0-9]+([.][0-9]+)?$"}
_SWITCH = {"enum": ["auto", True, False]}
_LABEL_NAME = {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}
_METRIC = {"type": "string", "pattern": "^([a-zA-Z_:][a-zA-Z0-9_:]*)?$"}
_MATCHERS = {"type": "object", "propertyNames": _LABEL_NAME, "additionalProperties": {"type": "string"}}


def _sli(**properties: Schema) -> Schema:
    """An indicator with these properties besides its objective."""
    return closed_map(objective=_NUMBER, **properties)


_ALERT = closed_map(
    enabled={"type": "boolean"}, **{"for": _WINDOW}, severity={"enum": ["critical", "warning", "info"]}
)
_LABELS = closed_map(**{key: {"type": "string", **_LABEL_NAME} for key in ("code", "route", "method")})
_VERSION = closed_map(metric=_METRIC, label={"type": "string", "pattern": "^([a-zA-Z_][a-zA-Z0-9_]*)?$"})
_ERRORS = closed_map(match=_MATCHERS, regexMatch=_MATCHERS)
_SLO_SERVICE = closed_map(
    namespace={"type": "string", "maxLength": 63, "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"},
    preset={"type": "string"},
    match=_MATCHERS,
    regexMatch=_MATCHERS,
    excludeRegex=_MATCHERS,
    scrape=closed_map(
        kind={"enum": ["ServiceMonitor", "PodMonitor", "existing", "parent"]},
        selector={"$ref": "#/definitions/labels"},
        port={"type": "string", "minLength": 1},
        path={"type": "string", "pattern": "^/"},
        interval=_WINDOW,
        scrapeTimeout={"type": "string", "pattern": "^([1-9][0-9]*[smhdw])?$"},
        honorLabels={"type": "boolean"},
    ),
    metrics=closed_map(
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
    version=_VERSION,
    workload={"type": "string", "maxLength": 253, "pattern": "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"},
    slis=closed_map(
        availability=_sli(enabled={"type": "boolean"}),
        latency=_sli(enabled=_SWITCH, threshold=_NUMBER, excludeErrors=_SWITCH),
    ),
    # uid of a Grafana dashboard
    dashboard={"type": "string", "maxLength": 40, "pattern": "^[-a-zA-Z0-9_]*$"},
    minBadRequests={"type": "integer", "minimum": 1},
    keepFiringFor=_WINDOW,
    alerts=closed_map(
        **dict.fromkeys(("down", "metricsMissing", "indicatorBroken", "trafficMissing"), _ALERT)
    ),
)


def _complete(schema: Schema) -> Schema:
    """The schema of a map in which every key must be set, so that no template reads a missing one."""
    keys = schema.get("properties", {})
    if not keys or schema in (_ERRORS, _LABELS):
        return schema
    return {**schema, "required": list(keys), "properties": {name: _complete(keys[name]) for name in keys}}


DEFINITIONS: dict[str, Schema] = {
    "sloName": {"maxLength": 40, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
    "sloDefaults": _complete(_SLO_SERVICE),
    # null removes an entry of the values that this chart ships with.
    "sloEntry": {**_SLO_SERVICE, "type": ["object", "null"]},
    "sloWindow": _WINDOW,
    "sloInterval": {"type": "string", "pattern": "^([1-9]|[12][0-9]|30)s$"},
    "sloBurnRates": {
        "type": "array",
        "items": {
            **closed_map(
                long=_WINDOW,
                short=_WINDOW,
                budgetPercent={"type": "number", "exclusiveMinimum": 0, "maximum": 100},
            ),
            "required": ["long", "short", "budgetPercent"],
        },
    },
}
