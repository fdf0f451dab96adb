"""Where a panel's queries are answered: Prometheus itself, or a Grafana in front of it.

Both take a query of a panel's JSON as it is and return its series, so that everything after that (legends,
units, tables) is the same for both.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lab.clients import Prometheus, Server
from tests.support.dashboard.variables import TimeRange, interpolate


@dataclass(frozen=True)
class Series:
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]
    """(Unix time in seconds, value), the earliest first."""


@dataclass(frozen=True)
class Exemplar:
    """A request whose trace was kept, a dot on a graph."""

    series: Mapping[str, str]
    """The labels of the series."""
    trace: str
    """The id of the trace."""
    value: float


class Source(Protocol):
    def query(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[Series]:
        """The series of one query. `variables` are the dashboard's, in PromQL. Raises LabError."""
        ...

    def exemplars(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[Exemplar]:
        """The exemplars of one query; raises LabError."""
        ...

    def label_values(self, label: str, selector: str) -> list[str]:
        """The values of a label in the series that match the selector, or in all series if it is empty."""
        ...


class PrometheusSource:
    """Queries Prometheus as Grafana's Prometheus data source does; asks for the values of a label once."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._values: dict[tuple[str, str], list[str]] = {}

    def query(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[Series]:
        expression = interpolate(target["expr"], variables, shown.variables())
        if target.get("instant"):
            found = self._prometheus.query(expression, shown.end)
            return [Series(one["metric"], _points([one["value"]])) for one in found]
        step = shown.interval
        start, end = (math.floor(time / step) * step for time in (shown.start, shown.end))
        found = self._prometheus.query_range(expression, start, end, step)
        return [Series(one["metric"], _points(one["values"])) for one in found]

    def exemplars(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[Exemplar]:
        expression = interpolate(target["expr"], variables, shown.variables())
        asked = {"query": expression, "start": shown.start, "end": shown.end}
        found = self._prometheus.get("/api/v1/query_exemplars", **asked)["data"]
        return [
            Exemplar(series["seriesLabels"], one["labels"].get("trace_id", ""), float(one["value"]))
            for series in found
            for one in series["exemplars"]
        ]

    def label_values(self, label: str, selector: str) -> list[str]:
        if (label, selector) not in self._values:
            matcher = {"match[]": selector} if selector else {}
            found = self._prometheus.get(f"/api/v1/label/{label}/values", **matcher)["data"]
            self._values[label, selector] = found
        return self._values[label, selector]


class Remembered:
    """A source that asks another one for the same thing only once: for times that are past."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._answers: dict[tuple, Any] = {}

    def query(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[Series]:
        return self._asked(self._source.query, target, variables, shown)

    def exemplars(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[Exemplar]:
        return self._asked(self._source.exemplars, target, variables, shown)

    def label_values(self, label: str, selector: str) -> list[str]:
        return self._once((label, selector), lambda: self._source.label_values(label, selector))

    def _asked(
        self,
        ask: Callable[..., Any],
        target: Mapping[str, Any],
        variables: Mapping[str, str],
        shown: TimeRange,
    ) -> Any:
        expression = interpolate(target["expr"], variables, shown.variables())
        key = (ask.__name__, expression, bool(target.get("instant")), shown)
        return self._once(key, lambda: ask(target, variables, shown))

    def _once(self, key: tuple, ask: Callable[[], Any]) -> Any:
        if key not in self._answers:
            self._answers[key] = ask()
        return self._answers[key]


class GrafanaSource:
    """Sends the queries to `/api/ds/query` of a Grafana, as its own pages do."""

    def __init__(self, url: str, datasource: str) -> None:
        """`datasource` is the uid of the Prometheus data source."""
        self._server = Server(url)
        self._datasource = datasource

    def query(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[Series]:
        return series_of(self._frames(target, variables, shown))

    def exemplars(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[Exemplar]:
        return exemplars_of(self._frames(target, variables, shown))

    def _frames(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[dict[str, Any]]:
        body = request_of(target, variables, shown, self._datasource)
        answer = self._server.post("/api/ds/query", body)["results"][target["refId"]]
        if "error" in answer:
            raise ValueError(f"Grafana: {answer['error']}")
        return answer["frames"]

    def label_values(self, label: str, selector: str) -> list[str]:
        path = f"/api/datasources/uid/{self._datasource}/resources/api/v1/label/{label}/values"
        return self._server.get(path, **({"match[]": selector} if selector else {}))["data"]

    def dashboard(self, uid: str) -> dict[str, Any]:
        """The JSON of a provisioned dashboard, without the fields that Grafana adds."""
        found = self._server.get(f"/api/dashboards/uid/{uid}")["dashboard"]
        return {name: value for name, value in found.items() if name not in ("id", "version")}


def request_of(
    target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange, datasource: str
) -> dict[str, Any]:
    """The body of a request to `/api/ds/query`; Grafana replaces `$__interval` and the like itself."""
    untouched = {name: f"${name}" for name in shown.variables()}
    query = dict(target) | {
        "datasource": {"type": "prometheus", "uid": datasource},
        "expr": interpolate(target["expr"], variables, untouched),
        "intervalMs": round(shown.interval * 1000),
        "maxDataPoints": 1000,
    }
    milliseconds = (str(round(time * 1000)) for time in (shown.start, shown.end))
    return dict(zip(("from", "to"), milliseconds, strict=True)) | {"queries": [query]}


def series_of(frames: list[dict[str, Any]]) -> list[Series]:
    """The series in the frames of an answer: each has a field of times and a field of numbers with labels."""
    found = []
    for frame in frames:
        fields, columns = frame["schema"]["fields"], frame["data"]["values"]
        if not columns or _has_exemplars(frame):  # `not columns`: an empty result
            continue
        times = next(column for field, column in zip(fields, columns, strict=True) if field["type"] == "time")
        for field, column in zip(fields, columns, strict=True):
            if field["type"] == "number":
                points = [
                    (time / 1000, value)
                    for time, value in zip(times, column, strict=True)
                    if value is not None
                ]
                found.append(Series(field.get("labels") or {}, tuple(points)))
    return found


def exemplars_of(frames: list[dict[str, Any]]) -> list[Exemplar]:
    """The exemplars in the frames of an answer: a row each, with a column per label."""
    found = []
    for frame in filter(_has_exemplars, frames):
        names = [field["name"] for field in frame["schema"]["fields"]]
        for values in zip(*frame["data"]["values"], strict=True):
            row = dict(zip(names, values, strict=True))
            trace, value = row.pop("trace_id", ""), row.pop("Value")
            found.append(Exemplar(row, trace, value))
    return found


def _has_exemplars(frame: Mapping[str, Any]) -> bool:
    about = frame["schema"].get("meta") or {}
    return (about.get("custom") or {}).get("resultType") == "exemplar"


def _points(values: list[list[Any]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(time), float(value)) for time, value in values)
