"""Mutants of panels: copies of a dashboard's panels with one small fault each, which tests have to notice."""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import promql_parser as promql

from tests.support.mutation.expressions import FUNCTIONS, changes
from tests.support.promql import selectors

_INTERVAL = re.compile(r"\$__(rate_)?interval\b")
_STANDS_FOR = {"": "7h7m7s", "rate_": "8h8m8s"}
"""Durations that PromQL can parse, in place of Grafana's variables."""
_FUNCTIONS = {
    **FUNCTIONS,
    "max": ("sum", "min"),
    "increase": ("rate",),
    "min_over_time": ("max_over_time",),
    "max_over_time": ("min_over_time",),
}
_GROUPED = re.compile(r"\b(by|on|ignoring|group_left|group_right) \(([^()]*)\)")
_EQUAL = re.compile(r'(\w+)="([^"$]+)"')
_VALUES = {"bad": "good", "0.99": "0.5", "firing": "pending", "critical": "warning"}
"""Another value for a label."""
_UNITS = {
    "s": "ms",
    "percentunit": "percent",
    "short": "bytes",
    "bytes": "bits",
    "reqps": "ops",
    "ops": "reqps",
}
_LABEL = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, eq=False)
class Mutant:
    """A panel of a dashboard with a fault."""

    dashboard: str
    title: str
    """The panel's title."""
    what: str
    """What was changed."""
    panel: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.dashboard}, {self.title}: {self.what}"


def mutants(dashboard: str, panels: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> Iterator[Mutant]:
    """Every mutant of a dashboard's panels; `metrics` are those that the queries of all dashboards read."""
    for panel in panels:
        for what, changed in _changed(panel, sorted(metrics)):
            yield Mutant(dashboard, panel["title"], what, changed)


def metrics(panels: Iterator[Mapping[str, Any]]) -> set[str]:
    """The names of the series that panels read."""
    exprs = (_parsable(target["expr"]) for panel in panels for target in panel["targets"])
    return {selector.name for expr in exprs for selector in selectors(promql.parse(expr))}


def _changed(panel: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, target in enumerate(panel["targets"]):
        if target.get("exemplar"):
            continue  # it shows no series
        for what, expr in _expressions(target["expr"], names):
            yield f"{target['refId']} {what}", _with_target(panel, number, expr=expr)
        legend = target.get("legendFormat", "")
        for label in dict.fromkeys(_LABEL.findall(legend)):
            other = legend.replace(f"{{{{{label}}}}}", "{{another}}")
            yield (
                f"{target['refId']} legend {legend} → {other}",
                _with_target(panel, number, legendFormat=other),
            )
    yield from _units(panel)


def _with_target(panel: Mapping[str, Any], number: int, **changed: str) -> Mapping[str, Any]:
    copied = copy.deepcopy(dict(panel))
    copied["targets"][number] |= changed
    return copied


def _expressions(expr: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each change of a query, as (what, the whole query)."""
    given = _parsable(expr)
    found = [*changes(given, _FUNCTIONS), *_metrics(given, names), *_labels(given)]
    for what, changed in dict(found).items():
        try:
            promql.parse(changed)
        except ValueError:
            continue  # Prometheus refuses it, which everyone would notice
        yield _restored(what), _restored(changed)


def _metrics(expr: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """With the next metric of the same subject, such as another record of pods, for each metric."""
    for name in dict.fromkeys(selector.name for selector in selectors(promql.parse(expr))):
        subject = re.split(r"[:_]", name)[:2]
        others = [other for other in names if other != name and re.split(r"[:_]", other)[:2] == subject]
        others = others or [other for other in names if other != name]
        other = next((each for each in others if each > name), others[0])
        yield f"{name} → {other}", re.sub(rf"(?<![\w:]){re.escape(name)}(?![\w:])", other, expr)


def _labels(expr: str) -> Iterator[tuple[str, str]]:
    """Without each label of a grouping, and with another value of each matcher."""
    for match in _GROUPED.finditer(expr):
        labels = [label.strip() for label in match[2].split(",") if label.strip()]
        for label in labels:
            fewer = f"{match[1]} ({', '.join(one for one in labels if one != label)})"
            yield f"{match[0]} → {fewer}", f"{expr[: match.start()]}{fewer}{expr[match.end() :]}"
    for match in dict.fromkeys(match.groups() for match in _EQUAL.finditer(expr)):
        label, value = match
        other = _VALUES.get(value, f"{value}-x")
        yield (
            f'{label}="{value}" → {label}="{other}"',
            expr.replace(f'{label}="{value}"', f'{label}="{other}"'),
        )


def _units(panel: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """With another unit, for the panel's own and for those of its overrides."""
    text = json.dumps(panel)
    field = panel.get("fieldConfig") or {}
    if unit := (field.get("defaults") or {}).get("unit"):
        copied = json.loads(text)
        copied["fieldConfig"]["defaults"]["unit"] = _UNITS.get(unit, "s")
        yield f"unit {unit} → {_UNITS.get(unit, 's')}", copied
    for number, override in enumerate(field.get("overrides") or ()):
        for position, item in enumerate(override["properties"]):
            if item["id"] == "unit":
                copied = json.loads(text)
                other = _UNITS.get(item["value"], "s")
                copied["fieldConfig"]["overrides"][number]["properties"][position]["value"] = other
                yield f"unit of {override['matcher']['options']} {item['value']} → {other}", copied


def _parsable(expr: str) -> str:
    return _INTERVAL.sub(lambda match: _STANDS_FOR[match[1] or ""], expr)


def _restored(text: str) -> str:
    for kind, duration in _STANDS_FOR.items():
        text = text.replace(duration, f"$__{kind}interval")
    return text
