"""Alertmanager's configuration, as the Prometheus operator makes it from an AlertmanagerConfig.

The names of receivers and mute times get the prefix `namespace/name/`. The routes come before those of the
main configuration, and alerts continue to them. Depending on the Alertmanager's
`alertmanagerConfigMatcherStrategy`, routes and inhibition only apply to alerts of the object's namespace.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Yaml = dict[str, Any]

_DURATIONS = {
    "groupWait": "group_wait",
    "groupInterval": "group_interval",
    "repeatInterval": "repeat_interval",
}
_TIME_NAMES = {"muteTimeIntervals": "mute_time_intervals", "activeTimeIntervals": "active_time_intervals"}
_MONTHS = [
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
]


def translate(
    main: Mapping[str, Any],
    item: Mapping[str, Any],
    *,
    strategy: str,
    alertmanager_namespace: str,
    integrations: Callable[[Mapping[str, Any]], Yaml],
) -> Yaml:
    """Return `main` (alertmanager.yml) with the AlertmanagerConfig `item` added.

    `strategy` is the type in alertmanagerConfigMatcherStrategy. `integrations` returns the destinations of
    one of the item's receivers, such as {webhook_configs: [...]}, whose credentials are in Secrets.
    """
    namespace = item["metadata"]["namespace"]
    prefix = f"{namespace}/{item['metadata']['name']}/"
    restricted = strategy == "OnNamespace" or (
        strategy == "OnNamespaceExceptForAlertmanagerNamespace" and namespace != alertmanager_namespace
    )
    own = [_matcher({"name": "namespace", "matchType": "=", "value": namespace})] if restricted else []
    spec = item["spec"]
    first = _route(spec["route"], prefix)
    first = {**first, "matchers": [*first.get("matchers", ()), *own], "continue": True}
    rules = [_inhibit_rule(rule, own) for rule in spec.get("inhibitRules", ())]
    receivers = [{"name": prefix + each["name"], **integrations(each)} for each in spec.get("receivers", ())]
    times = [
        {"name": prefix + mute["name"], "time_intervals": [_times(each) for each in mute["timeIntervals"]]}
        for mute in spec.get("muteTimeIntervals", ())
    ]
    added = {
        "route": {**main["route"], "routes": [_present(first), *(main["route"].get("routes") or ())]},
        "inhibit_rules": [*(main.get("inhibit_rules") or ()), *rules],
        "receivers": [*(main.get("receivers") or ()), *receivers],
        "mute_time_intervals": [*(main.get("mute_time_intervals") or ()), *times],
    }
    return {**main, **_present(added)}


def integrations(receiver: Mapping[str, Any], credential: Callable[[str, str, str], Yaml]) -> Yaml:
    """The destinations of an AlertmanagerConfig's receiver as the operator writes them.

    Names are in snake case, and lists of {key, value} become maps. `credential` gets a field such as `url`,
    and the name and the key of its Secret; it returns the field with its value, such as {url: "https://..."}.
    """

    def converted(value: Any) -> Any:
        if isinstance(value, list):
            if value and value[0].keys() == {"key", "value"}:
                return {each["key"]: each["value"] for each in value}
            return [converted(each) for each in value]
        if not isinstance(value, dict):
            return value
        fields: Yaml = {}
        for key, each in value.items():
            field = _snake(key.removesuffix("Secret"))
            if isinstance(each, dict) and each.keys() == {"name", "key"}:
                fields |= credential(field, each["name"], each["key"])
            else:
                fields[field] = converted(each)
        return fields

    return {key: each for key, each in converted(receiver).items() if key != "name"}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z]+)", lambda found: f"_{found[1].lower()}", name)


def _route(route: Mapping[str, Any], prefix: str) -> Yaml:
    """A route and its child routes."""
    named = {new: [prefix + name for name in route.get(old, ())] for old, new in _TIME_NAMES.items()}
    return _present(
        {
            "receiver": prefix + route["receiver"] if route.get("receiver") else "",
            "group_by": list(route.get("groupBy", ())),
            **{new: route.get(old, "") for old, new in _DURATIONS.items()},
            "matchers": [_matcher(matcher) for matcher in route.get("matchers", ())],
            "continue": route.get("continue", False),
            **named,
            "routes": [_route(child, prefix) for child in route.get("routes", ())],
        }
    )


def _inhibit_rule(rule: Mapping[str, Any], own: list[str]) -> Yaml:
    matchers = {
        f"{side}_matchers": [*(_matcher(each) for each in rule.get(f"{side}Match", ())), *own]
        for side in ("target", "source")
    }
    return _present({**matchers, "equal": list(rule.get("equal", ()))})


def _matcher(matcher: Mapping[str, Any]) -> str:
    value = matcher.get("value", "").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    kind = matcher.get("matchType") or ("=~" if matcher.get("regex") else "=")
    return f'{matcher["name"]}{kind}"{value}"'


def _times(interval: Mapping[str, Any]) -> Yaml:
    days = [f"{each['start']}:{each['end']}" for each in interval.get("daysOfMonth", ())]
    return _present(
        {
            "times": [
                {"start_time": each["startTime"], "end_time": each["endTime"]}
                for each in interval.get("times", ())
            ],
            "weekdays": [_span(each) for each in interval.get("weekdays", ())],
            "days_of_month": [_span(each) for each in days],
            "months": [_span(each) for each in interval.get("months", ())],
            "years": [_span(each) for each in interval.get("years", ())],
        }
    )


def _span(text: str) -> str:
    """A span such as `June:august` in the operator's form: months are numbers, and `2:2` is `2`."""
    ends = [str(_MONTHS.index(end) + 1) if end in _MONTHS else end for end in text.lower().split(":")]
    return ":".join(dict.fromkeys(ends))


def _present(fields: Mapping[str, Any]) -> Yaml:
    """The fields that are not empty."""
    return {key: value for key, value in fields.items() if value}
