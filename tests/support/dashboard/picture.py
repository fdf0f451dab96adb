"""What a panel shows: its queries' series with the names, units, texts, colours and rows that a reader sees.

Everything else of Grafana is not part of the picture. A field option or transformation
that changes names or rows and that is not supported here raises Unsupported: it is never ignored.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.dashboard import table
from tests.support.dashboard.field_options import FieldOptions
from tests.support.dashboard.frames import data_frame
from tests.support.dashboard.shown import Picture, Shown, Unsupported
from tests.support.dashboard.sources import Series, Source
from tests.support.dashboard.variables import TimeRange

_LEGEND = re.compile(r"\{\{\s*(.+?)\s*\}\}")


def draw(panel: Mapping[str, Any], source: Source, variables: Mapping[str, str], shown: TimeRange) -> Picture:
    """Query a panel and return what it shows; raises Unsupported, and LabError for a refused query."""
    targets = [target for target in panel["targets"] if not target.get("hide")]
    answers = [(target, source.query(target, variables, shown)) for target in targets]
    if panel["type"] == "table":
        return Picture(rows=table.rows(panel, answers))
    if panel.get("transformations"):
        raise Unsupported(f"transformations of a panel of the type {panel['type']}")
    if pattern := _shown_fields(panel):
        return Picture(_cells(panel, pattern, answers))
    lines = []
    for target, series in answers:
        for one in _buckets(series) if target.get("format") == "heatmap" else series:
            name = _legend(target, one.labels)
            options = FieldOptions(panel, name, target["refId"])
            last = one.points[-1][1] if one.points else None
            shown_as = Shown(
                options.get("unit", ""), one.points, last, options.text(last), options.color(last)
            )
            lines.append((options.get("displayName", name), shown_as))
    return Picture(lines)


def annotations(
    model: Mapping[str, Any], source: Source, variables: Mapping[str, str], shown: TimeRange
) -> set[tuple[str, str, str]]:
    """The marks on a dashboard's graphs in a time range: annotation, title and text of each."""
    found = set()
    for annotation in model["annotations"]["list"]:
        if not annotation.get("expr") or not annotation["enable"]:
            continue
        target = {"refId": "Anno", "expr": annotation["expr"]}
        for series in source.query(target, variables, shown):
            if any(value for _, value in series.points):
                title, text = (
                    _filled(annotation[key], series.labels) for key in ("titleFormat", "textFormat")
                )
                found.add((annotation["name"], title, text))
    return found


def _shown_fields(panel: Mapping[str, Any]) -> str:
    """The pattern for the columns that a stat shows, such as `/^targets$/`; empty for its series' values."""
    return ((panel.get("options") or {}).get("reduceOptions") or {}).get("fields", "")


def _cells(
    panel: Mapping[str, Any], pattern: str, answers: list[tuple[Mapping[str, Any], list[Series]]]
) -> list[tuple[str, Shown]]:
    """The last cell of each column that a stat shows, instead of the values of its series."""
    found = []
    for target, series in answers:
        for column in data_frame(target, series, alone=True) if series else ():
            if re.search(re.sub(r"^/(.*)/$", r"\1", pattern), column.name):
                options, last = FieldOptions(panel, column.name, column.ref), column.values[-1]
                shown = Shown("", value=last, text=options.text(last), color=options.color(last))
                found.append((column.name, shown))
    return found


def nothing(panel: Mapping[str, Any]) -> Shown:
    """What stands in a panel whose queries return no series.

    Overrides do not apply, as there is no field; value mappings and colours apply to figures and bars only.
    """
    options = FieldOptions({**panel, "fieldConfig": {"defaults": panel["fieldConfig"]["defaults"]}}, "", "")
    empty = options.get("noValue", "No data")
    if panel["type"] not in ("stat", "bargauge"):
        return Shown("", text=empty)
    return Shown("", text=options.text(None) or empty, color=options.color(None))


def _legend(target: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    template = target.get("legendFormat", "")
    if template == "__auto":
        if len(labels) > 1:
            raise Unsupported("the legend __auto for series with several labels")
        return next(iter(labels.values()), target["expr"])
    if template:
        return _filled(template, labels)
    return f"{{{', '.join(f'{name}={value!r}' for name, value in sorted(labels.items()))}}}"


def _filled(template: str, labels: Mapping[str, str]) -> str:
    """A template with each `{{label}}` replaced by the label's value."""
    return _LEGEND.sub(lambda match: labels.get(match[1], ""), template)


def _buckets(series: Sequence[Series]) -> list[Series]:
    """The buckets of a heatmap: each minus the next lower one, as Prometheus' buckets are cumulative."""
    found, below = [], {}
    for one in sorted(series, key=lambda one: float(one.labels["le"])):
        points = tuple((time, max(0.0, value - below.get(time, 0.0))) for time, value in one.points)
        below = dict(one.points)
        found.append(Series(one.labels, points))
    return found
