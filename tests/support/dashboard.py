"""A dashboard's queries as Grafana would send them: variables resolved, intervals by its published rules."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.clients import Prometheus

# Grafana counts a panel of this width when nothing else is known.
_POINTS = 1000
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\]")
_LABEL_VALUES = re.compile(r"label_values\((?:(?P<metric>.+),\s*)?(?P<label>\w+)\)")


@dataclass(frozen=True)
class Query:
    """One target of a panel."""

    panel: str
    """The panel's title."""
    ref: str
    expression: str
    """PromQL with Grafana's variables in it."""
    legend: str
    instant: bool


@dataclass(frozen=True)
class TimeRange:
    """What a dashboard shows, and how often its datasource scrapes; all in seconds."""

    start: float
    end: float
    scrape_interval: float

    @property
    def interval(self) -> float:
        """`$__interval`: a point per pixel, and never less than a scrape."""
        return max((self.end - self.start) / _POINTS, self.scrape_interval)

    @property
    def rate_interval(self) -> float:
        """`$__rate_interval`: four scrapes, and never less than a step and a scrape."""
        return max(self.interval + self.scrape_interval, 4 * self.scrape_interval)

    def variables(self) -> dict[str, str]:
        built_in = {
            "__interval": self.interval,
            "__rate_interval": self.rate_interval,
            "__range": self.end - self.start,
        }
        return {name: f"{round(seconds * 1000)}ms" for name, seconds in built_in.items()}


class Dashboard:
    """A dashboard's JSON."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        self.model = model

    @classmethod
    def read(cls, path: Path) -> "Dashboard":
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def queries(self) -> Iterator[Query]:
        """Every target of every panel, those of collapsed rows included."""
        for panel in _flat(self.model["panels"]):
            for target in panel.get("targets", ()):
                yield Query(
                    panel["title"],
                    target["refId"],
                    target["expr"],
                    target.get("legendFormat", ""),
                    bool(target.get("instant")),
                )

    def resolve(self, prometheus: Prometheus) -> dict[str, str]:
        """The variables' values in PromQL, as the dashboard opens: the first value, or all of them."""
        values: dict[str, str] = {}
        for variable in self.model["templating"]["list"]:
            if variable["type"] == "query":
                found = _label_values(interpolate(variable["query"]["query"], values), prometheus)
                chosen = found if variable.get("includeAll") else found[:1]
                values[variable["name"]] = _promql(chosen, several=bool(variable.get("multi")))
        return values


def interpolate(text: str, *variables: Mapping[str, str]) -> str:
    """The text with `$name`, `${name}` and `[[name]]` replaced; raises KeyError for an unknown name."""
    known = {name: value for given in variables for name, value in given.items()}
    return _VARIABLE.sub(lambda match: known[next(filter(None, match.groups()))], text)


def _flat(panels: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for panel in panels:
        yield panel
        yield from _flat(panel.get("panels") or ())


def _label_values(query: str, prometheus: Prometheus) -> list[str]:
    match = _LABEL_VALUES.fullmatch(query)
    if match is None:
        raise ValueError(f"a variable's query is not understood: {query}")
    matcher = {"match[]": match["metric"]} if match["metric"] else {}
    return prometheus.get(f"/api/v1/label/{match['label']}/values", **matcher)["data"]


def _promql(values: Sequence[str], *, several: bool) -> str:
    """Grafana's formatting for Prometheus: a value is escaped, several are alternatives of a regex."""
    if not several:
        return "".join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    escaped = [
        re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\\\\\\\")) for value in values
    ]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
