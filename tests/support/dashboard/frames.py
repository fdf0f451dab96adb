"""Grafana's data frames, and the transformations of them that the dashboards use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.dashboard.shown import Unsupported, Value
from tests.support.dashboard.sources import Series


@dataclass
class Column:
    """A column of a data frame, as Grafana's transformations see it."""

    name: str
    values: list[Value]
    ref: str
    """The letter of the query, such as `A`, or what a transformation makes of it."""


Frame = list[Column]


def data_frame(target: Mapping[str, Any], series: Sequence[Series], alone: bool) -> Frame:
    """The answer to a table's query; `alone` tells that it is the panel's only one."""
    if target.get("format") != "table" or not target.get("instant"):
        raise Unsupported("a table whose queries are not instant and of the format table")
    ref = target["refId"]
    labels = sorted({label for one in series for label in one.labels})
    return [
        Column("Time", [one.points[-1][0] for one in series], ref),
        *(Column(label, [one.labels.get(label) for one in series], ref) for label in labels),
        Column("Value" if alone else f"Value #{ref}", [one.points[-1][1] for one in series], ref),
    ]


def transform(transformation: Mapping[str, Any], frames: list[Frame]) -> list[Frame]:
    """Apply a transformation of a panel's JSON; raises Unsupported for an unknown one."""
    known: dict[str, Callable[[list[Frame], Mapping[str, Any]], list[Frame]]] = {
        "merge": lambda frames, _: _merge(frames),
        "organize": lambda frames, options: [_organize(frame, options) for frame in frames],
        "filterFieldsByName": lambda frames, options: [_filter(frame, options) for frame in frames],
    }
    if transformation["id"] not in known:
        raise Unsupported(f"the transformation {transformation['id']}")
    return known[transformation["id"]](frames, transformation.get("options") or {})


def _merge(frames: list[Frame]) -> list[Frame]:
    """Grafana's transformation "Merge series/tables".

    A row is merged into every earlier row with which it agrees in all columns that both have, if the
    columns that all frames have are equal; otherwise it is a new row, after those that are there.
    """
    if len(frames) < 2:
        return frames
    names = [{column.name for column in frame} for frame in frames]
    key = sorted(set.intersection(*names))
    if not key:
        return frames
    merged: list[dict[str, Value]] = []
    by_key: dict[tuple, list[dict[str, Value]]] = {}
    for frame in frames:
        for values in zip(*(column.values for column in frame), strict=True):
            row = dict(zip((column.name for column in frame), values, strict=True))
            same = by_key.setdefault(tuple(row[name] for name in key), [])
            agreeing = [other for other in same if _agree(other, row)]
            for other in agreeing:
                other.update(row)
            if not agreeing:
                same.append(row)
                merged.append(row)
    ref = "-".join(["merge", *(frame[0].ref for frame in frames)])
    order = dict.fromkeys(column.name for frame in frames for column in frame)
    return [[Column(name, [row.get(name) for row in merged], ref) for name in order]]


def _agree(row: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    """Tell if no value of `other` differs from one that the row has."""
    return all(row.get(name) is None or row[name] == value for name, value in other.items())


def _organize(frame: Frame, options: Mapping[str, Any]) -> Frame:
    excluded, renamed = options.get("excludeByName") or {}, options.get("renameByName") or {}
    index = options.get("indexByName") or {}
    if unknown := {key for key in ("includeByName", "orderByMode") if options.get(key)}:
        raise Unsupported(f"organize with {unknown.pop()}")
    kept = [column for column in frame if not excluded.get(column.name)]
    # Columns without an index keep their order behind the others.
    kept.sort(key=lambda column: index.get(column.name, len(frame) + len(index)))
    return [Column(renamed.get(column.name) or column.name, column.values, column.ref) for column in kept]


def _filter(frame: Frame, options: Mapping[str, Any]) -> Frame:
    if options.keys() != {"include"} or options["include"].keys() != {"names"}:
        raise Unsupported(f"filterFieldsByName with {options}")
    return [column for column in frame if column.name in options["include"]["names"]]
