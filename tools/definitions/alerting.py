"""Definitions of the values of `alerting`."""

from tools.definitions.patterns import HOST, LABEL, PORT, Schema, closed_map

_TEXT = {"type": "string", "minLength": 1}
_SECRET = {
    "secret": {"type": "string", "maxLength": 253, "pattern": f"^{HOST}$"},
    "key": {"type": "string", "maxLength": 253, "pattern": "^[-._a-zA-Z0-9]+$"},
}


def _receiver(*required: str, **properties: Schema) -> Schema:
    """A kind of receiver: its properties besides the Secret, and the names of those that must be set."""
    return {
        **closed_map(sendResolved={"type": "boolean"}, **_SECRET, **properties),
        "required": list(required),
    }


_DAY = "(sun|mon|tues|wednes|thurs|fri|satur)day"
_MONTH = (
    "(january|february|march|april|may|june|july|august|september|october|november|december|1[0-2]|[1-9])"
)
_TIME = {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}
_DAY_OF_MONTH = {"type": "integer", "minimum": -31, "maximum": 31}


def _objects(**properties: Schema) -> Schema:
    """A list of objects with exactly these properties."""
    return {"type": "array", "items": {**closed_map(**properties), "required": list(properties)}}


def _spans(value: str) -> Schema:
    """A list of values such as `monday` and of spans such as `monday:friday`."""
    return {"type": "array", "items": {"type": "string", "pattern": f"^{value}(:{value})?$"}}


# The format of AlertmanagerConfig.
_TIME_INTERVAL = closed_map(
    times=_objects(startTime=_TIME, endTime=_TIME),
    weekdays=_spans(_DAY),
    daysOfMonth=_objects(start=_DAY_OF_MONTH, end=_DAY_OF_MONTH),
    months=_spans(_MONTH),
    years=_spans("2[0-9]{3}"),
)
_RECEIVER = closed_map(
    webhook=_receiver("secret"),
    slack=_receiver("secret", channel=_TEXT),
    pagerduty=_receiver("secret"),
    email=_receiver(
        *("to", "from", "smarthost"),
        smarthost={"type": "string", "pattern": f"^{HOST}:{PORT}$"},
        username=_TEXT,
        **{"to": _TEXT, "from": _TEXT},
    ),
    opsgenie=_receiver(
        "secret", url={"type": "string", "pattern": f"^https?://{HOST}(:{PORT})?(/[-._~a-zA-Z0-9]+)*/?$"}
    ),
    config={
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9]+Configs$"},
        "additionalProperties": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
    },
)

DEFINITIONS: dict[str, Schema] = {
    "alertReceiverName": {"maxLength": 63, "pattern": f"^{LABEL}$"},
    # A list is the format of older versions: a template refuses it, with a message that says what to write.
    "alertReceivers": {
        "type": ["object", "array"],
        "propertyNames": {"$ref": "#/definitions/alertReceiverName"},
        "additionalProperties": _RECEIVER,
    },
    "alertMuteTime": {
        **closed_map(
            severities={"type": "array", "minItems": 1, "items": {"enum": ["critical", "warning", "info"]}},
            timeIntervals={"type": "array", "minItems": 1, "items": _TIME_INTERVAL},
        ),
        "required": ["timeIntervals"],
    },
}
