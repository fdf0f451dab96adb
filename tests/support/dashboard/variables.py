"""Grafana's rules for variables, time ranges and intervals."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Grafana's default number of data points per query, about one per pixel of the panel's width.
_POINTS = 1000
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\]")
_LABEL_VALUES = re.compile(r"label_values\((?:(?P<metric>.+),\s*)?(?P<label>\w+)\)")

ALL = "$__all"
"""Stands for every option of a variable, as in Grafana's JSON."""


@dataclass(frozen=True)
class TimeRange:
    """A dashboard's time range and the scrape interval of its data source, all in seconds."""

    start: float
    end: float
    scrape_interval: float

    @property
    def interval(self) -> float:
        """`$__interval`: one point per pixel, but at least the scrape interval."""
        return max((self.end - self.start) / _POINTS, self.scrape_interval)

    @property
    def rate_interval(self) -> float:
        """`$__rate_interval`: interval plus scrape interval, but at least four scrape intervals."""
        return max(self.interval + self.scrape_interval, 4 * self.scrape_interval)

    def variables(self) -> dict[str, str]:
        built_in = {
            "__interval": self.interval,
            "__rate_interval": self.rate_interval,
            "__range": self.end - self.start,
        }
        return {name: f"{round(seconds * 1000)}ms" for name, seconds in built_in.items()}


@dataclass(frozen=True)
class View:
    """What a reader chose: a phase of the proof, as the time range, and options of the variables."""

    phase: str
    variables: Mapping[str, tuple[str, ...]]
    """Options by variable; `(ALL,)` for all."""

    def __str__(self) -> str:
        chosen = (f"{name}={'|'.join(options)}" for name, options in self.variables.items())
        return f"{self.phase} {' '.join(chosen)}".replace(ALL, "All")


def interpolate(text: str, *variables: Mapping[str, str]) -> str:
    """Replace `$name`, `${name}` and `[[name]]` in a text; raises KeyError for an unknown name."""
    known = {name: value for given in variables for name, value in given.items()}
    return _VARIABLE.sub(lambda match: known[next(filter(None, match.groups()))], text)


def resolve(
    model: Mapping[str, Any], source: Any, chosen: Mapping[str, Sequence[str]]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The variables of a dashboard in PromQL, and the options of each, in Grafana's order.

    `chosen` are the selected options by variable, `[ALL]` for all of them; a variable that is not in it has
    its initial value: all options if the dashboard allows that, else the first. `source` answers
    `label_values(label, selector)`. Raises ValueError for a choice that is none of the options.
    """
    values: dict[str, str] = {}
    options: dict[str, list[str]] = {}
    for variable in model["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "datasource":
            continue
        if variable["type"] != "query":
            raise ValueError(f"variable {name}: the type {variable['type']} is not supported")
        options[name] = _options(variable, values, source)
        wanted = list(chosen.get(name) or ([ALL] if variable.get("includeAll") else options[name][:1]))
        if unknown := set(wanted) - {ALL, *options[name]}:
            raise ValueError(f"variable {name} has no option {unknown.pop()!r}, only {options[name]}")
        several = bool(variable.get("multi"))
        if wanted == [ALL]:
            if not variable.get("includeAll"):
                raise ValueError(f"variable {name} does not allow All")
            values[name] = variable.get("allValue") or promql(options[name], several=several)
        else:
            values[name] = promql(wanted, several=several)
    return values, options


def _options(variable: Mapping[str, Any], values: Mapping[str, str], source: Any) -> list[str]:
    query = interpolate(variable["query"]["query"], values)
    match = _LABEL_VALUES.fullmatch(query)
    if match is None:
        raise ValueError(f"only label_values() is supported as a variable's query, not {query}")
    if variable.get("regex"):
        raise ValueError(f"variable {variable['name']}: a regex is not supported")
    return sorted(source.label_values(match["label"], match["metric"] or ""))


def promql(values: Sequence[str], *, several: bool) -> str:
    """Escape values as Grafana does for Prometheus; with `several`, they become a regex such as (a|b)."""
    if not several:
        return "".join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    escaped = [
        re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\\\\\\\")) for value in values
    ]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
