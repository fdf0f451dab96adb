"""A dashboard's queries as Grafana would send them: variables replaced, intervals by its published rules."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.clients import Prometheus

# Grafana's default number of data points per query, about one per pixel of the panel's width.
_POINTS = 1000
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\]")
_LABEL_VALUES = re.compile(r"label_values\((?:(?P<metric>.+),\s*)?(?P<label>\w+)\)")


@dataclass(frozen=True)
class Query:
    """One query of a panel."""

    panel: str
    """The panel's title."""
    ref: str
    expression: str
    """PromQL with Grafana's variables not yet replaced."""
    legend: str
    instant: bool


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


class Dashboard:
    """A dashboard, from its JSON."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        self.model = model

    @classmethod
    def read(cls, path: Path) -> "Dashboard":
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def queries(self) -> Iterator[Query]:
        """Yield every query of every panel, including those in collapsed rows."""
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
        """Return the variables' initial values in PromQL: all values if "All" is allowed, else the first."""
        values: dict[str, str] = {}
        for variable in self.model["templating"]["list"]:
            if variable["type"] == "query":
                found = _label_values(interpolate(variable["query"]["query"], values), prometheus)
                chosen = found if variable.get("includeAll") else found[:1]
                values[variable["name"]] = _promql(chosen, several=bool(variable.get("multi")))
        return values


def interpolate(text: str, *variables: Mapping[str, str]) -> str:
    """Replace `$name`, `${name}` and `[[name]]` in a text; raises KeyError for an unknown name."""
    known = {name: value for given in variables for name, value in given.items()}
    return _VARIABLE.sub(lambda match: known[next(filter(None, match.groups()))], text)


def _flat(panels: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for panel in panels:
        yield panel
        yield from _flat(panel.get("panels") or ())


def _label_values(query: str, prometheus: Prometheus) -> list[str]:
    match = _LABEL_VALUES.fullmatch(query)
    if match is None:
        raise ValueError(f"only label_values() is supported as a variable's query, not {query}")
    matcher = {"match[]": match["metric"]} if match["metric"] else {}
    return prometheus.get(f"/api/v1/label/{match['label']}/values", **matcher)["data"]


def _promql(values: Sequence[str], *, several: bool) -> str:
    """Escape values as Grafana does for Prometheus; with `several`, they become a regex such as (a|b)."""
    if not several:
        return "".join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    escaped = [
        re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\\\\\\\")) for value in values
    ]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
