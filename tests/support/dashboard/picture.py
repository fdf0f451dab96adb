"""What a panel shows: its queries' series with the names, units, texts, colours and rows that a reader sees.

Everything else of Grafana is not part of the picture. A field option or transformation
that changes names or rows and that is not supported here raises Unsupported: it is never ignored.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.dashboard.sources import Series, Source
from tests.support.dashboard.variables import TimeRange

_LEGEND = re.compile(r"\{\{\s*(.+?)\s*\}\}")
Value = float | str | None


class Unsupported(Exception):
    """The panel uses something of Grafana's that this module does not know."""


@dataclass(frozen=True)
class Shown:
    """A series with its name, or a cell of a table."""

    unit: str
    """Grafana's id, such as `reqps`; empty if none is set."""
    points: tuple[tuple[float, float], ...] = ()
    """(Unix time, value) of a series."""
    value: Value = None
    """The value of a cell, or the last one of a series; None if there is none."""
    text: str | None = None
    """The words that a value mapping shows instead of the value."""
    color: str = ""
    """The colour as the panel's JSON names it; empty for the text of a table's cell, which has none."""


@dataclass(frozen=True)
class Picture:
    lines: list[tuple[str, Shown]] = field(default_factory=list)
    """The series of a panel by name, such as the legend of a graph."""
    rows: list[dict[str, Shown]] | None = None
    """The rows of a table in their order: cells by the column's title. None for other panels."""


@dataclass
class Column:
    """A column of a data frame, as Grafana's transformations see it."""

    name: str
    values: list[Value]
    ref: str = ""


Frame = list[Column]


def draw(panel: Mapping[str, Any], source: Source, variables: Mapping[str, str], shown: TimeRange) -> Picture:
    """Query a panel and return what it shows; raises Unsupported, and LabError for a refused query."""
    targets = [target for target in panel["targets"] if not target.get("hide")]
    answers = [(target, source.query(target, variables, shown)) for target in targets]
    if panel["type"] == "table":
        return Picture(rows=_rows(panel, answers))
    if panel.get("transformations"):
        raise Unsupported(f"transformations of a panel of the type {panel['type']}")
    if pattern := _shown_fields(panel):
        return Picture(_cells(panel, pattern, answers))
    lines = []
    for target, series in answers:
        for one in _buckets(series) if target.get("format") == "heatmap" else series:
            name = _legend(target, one.labels)
            options = _Options(panel, name, target["refId"])
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
        for column in _frame(target, series, alone=True) if series else ():
            if re.search(re.sub(r"^/(.*)/$", r"\1", pattern), column.name):
                options, last = _Options(panel, column.name, column.ref), column.values[-1]
                shown = Shown("", value=last, text=options.text(last), color=options.color(last))
                found.append((column.name, shown))
    return found


def nothing(panel: Mapping[str, Any]) -> Shown:
    """What stands in a panel whose queries return no series.

    Overrides do not apply, as there is no field; value mappings and colours apply to figures and bars only.
    """
    options = _Options({**panel, "fieldConfig": {"defaults": panel["fieldConfig"]["defaults"]}}, "", "")
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


class _Options:
    """The field options of one series or column: the panel's defaults and the overrides that match it."""

    def __init__(self, panel: Mapping[str, Any], name: str, ref: str) -> None:
        config = panel.get("fieldConfig") or {}
        self._type = panel["type"]
        self._set = dict(config.get("defaults") or {})
        for override in config.get("overrides") or ():
            if _matches(override["matcher"], name, ref):
                self._set |= {item["id"]: item.get("value") for item in override["properties"]}

    def get(self, name: str, default: Any) -> Any:
        return self._set.get(name) or default

    def text(self, value: Value) -> str | None:
        """The text of the first value mapping that applies."""
        for mapping in self._set.get("mappings") or ():
            if result := _mapped(mapping, value):
                return result.get("text")
        return None

    def color(self, value: Value) -> str:
        """The colour of a value: that of its mapping, else of the field's mode, else of its thresholds."""
        for mapping in self._set.get("mappings") or ():
            if (result := _mapped(mapping, value)) and result.get("color"):
                return result["color"]
        given = self._set.get("color") or {}
        mode = given.get("mode") or ("palette-classic" if self._type == "timeseries" else "thresholds")
        if mode != "thresholds":
            return " ".join(filter(None, (mode.removeprefix("fixed"), given.get("fixedColor"))))
        reached = ""
        for step in (self._set.get("thresholds") or {}).get("steps") or ():
            if step.get("value") is None or (isinstance(value, float | int) and value >= step["value"]):
                reached = step["color"]
        return reached

    def cell_color(self, value: Value) -> str:
        """The colour of a table's cell, if its type shows one."""
        shown = (self._set.get("custom.cellOptions") or {}).get("type", "auto").startswith("color-")
        return self.color(value) if shown else ""

    @property
    def hidden(self) -> bool:
        return bool(self._set.get("custom.hidden") or (self._set.get("custom.hideFrom") or {}).get("viz"))


def _matches(matcher: Mapping[str, Any], name: str, ref: str) -> bool:
    kind, wanted = matcher["id"], matcher.get("options")
    if kind == "byName":
        return name == wanted
    if kind == "byRegexp":
        return bool(re.search(re.sub(r"^/(.*)/$", r"\1", wanted), name))
    if kind == "byFrameRefID":
        return ref == wanted
    raise Unsupported(f"overrides with the matcher {kind}")


def _mapped(mapping: Mapping[str, Any], value: Value) -> Mapping[str, Any] | None:
    options = mapping["options"]
    match mapping["type"]:
        case "value":
            key = f"{value:g}" if isinstance(value, float | int) else value
            return options.get(key)
        case "range":
            low, high = options.get("from"), options.get("to")
            inside = (
                isinstance(value, float | int)
                and (low is None or low <= value)
                and (high is None or value <= high)
            )
            return options["result"] if inside else None
        case "regex":
            pattern = re.sub(r"^/(.*)/$", r"\1", options["pattern"])
            return options["result"] if isinstance(value, str) and re.search(pattern, value) else None
        case "special":
            absent = options["match"] in ("null", "null+nan") and value is None
            return options["result"] if absent or (options["match"] == "empty" and value == "") else None
    raise Unsupported(f"value mappings of the type {mapping['type']}")


# --- tables -------------------------------------------------------------------------------------------


def _rows(panel: Mapping[str, Any], answers: list[tuple[Mapping[str, Any], list[Series]]]) -> list[dict]:
    frames = [_frame(target, series, len(answers) == 1) for target, series in answers if series]
    for transformation in panel.get("transformations") or ():
        if not transformation.get("disabled"):
            frames = _transform(transformation, frames)
    if not frames:
        return []
    (frame,) = frames if len(frames) == 1 else (_only_first(panel, frames),)
    columns = [(column, _Options(panel, column.name, column.ref)) for column in frame]
    titled = [(column, options) for column, options in columns if not options.hidden]
    titles = [options.get("displayName", column.name) for column, options in titled]
    if len(set(titles)) != len(titles):
        raise Unsupported(f"a table with two columns of one title: {titles}")
    rows = []
    for index in _sorted_as_shown(panel, titles, titled):
        cells = (
            Shown(
                options.get("unit", ""),
                value=column.values[index],
                text=options.text(column.values[index]),
                color=options.cell_color(column.values[index]),
            )
            for column, options in titled
        )
        rows.append(dict(zip(titles, cells, strict=True)))
    return rows


def _only_first(panel: Mapping[str, Any], frames: list[Frame]) -> Frame:
    raise Unsupported(f"a table of {len(frames)} frames that are not merged: {panel['title']}")


def _frame(target: Mapping[str, Any], series: Sequence[Series], alone: bool) -> Frame:
    if target.get("format") != "table" or not target.get("instant"):
        raise Unsupported("a table whose queries are not instant and of the format table")
    labels = sorted({label for one in series for label in one.labels})
    columns = [Column("Time", [one.points[-1][0] for one in series])]
    columns += [Column(label, [one.labels.get(label) for one in series]) for label in labels]
    value = "Value" if alone else f"Value #{target['refId']}"
    return [*columns, Column(value, [one.points[-1][1] for one in series], target["refId"])]


def _transform(transformation: Mapping[str, Any], frames: list[Frame]) -> list[Frame]:
    known: dict[str, Callable[[list[Frame], Mapping[str, Any]], list[Frame]]] = {
        "merge": lambda frames, _: _merge(frames),
        "organize": lambda frames, options: [_organize(frame, options) for frame in frames],
        "sortBy": lambda frames, options: [_sort(frame, options["sort"]) for frame in frames],
        "filterFieldsByName": lambda frames, options: [_filter(frame, options) for frame in frames],
    }
    if transformation["id"] not in known:
        raise Unsupported(f"the transformation {transformation['id']}")
    return known[transformation["id"]](frames, transformation.get("options") or {})


def _merge(frames: list[Frame]) -> list[Frame]:
    """Grafana's "Merge": rows of all frames, put together where their common columns agree."""
    if len(frames) < 2:
        return frames
    names = [{column.name for column in frame} for frame in frames]
    key = sorted(set.intersection(*names))
    if not key:
        return frames
    order = list(dict.fromkeys(column.name for frame in frames for column in frame))
    rows: dict[tuple, list[dict[str, Value]]] = {}
    for frame in frames:
        for values in zip(*(column.values for column in frame), strict=True):
            row = dict(zip((column.name for column in frame), values, strict=True))
            same = rows.setdefault(tuple(row[name] for name in key), [])
            for other in same:
                if all(other.get(name) in (None, value) for name, value in row.items()):
                    other.update(row)
                    break
            else:
                same.append(row)
    merged = [row for same in rows.values() for row in same]
    refs = {column.name: column.ref for frame in frames for column in frame}
    return [[Column(name, [row.get(name) for row in merged], refs[name]) for name in order]]


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
    if set(options) - {"include", "exclude", "byVariable"} or options.get("byVariable"):
        raise Unsupported(f"filterFieldsByName with {sorted(options)}")

    def holds(rule: Mapping[str, Any], name: str) -> bool:
        return name in (rule.get("names") or ()) or bool(
            rule.get("pattern") and re.search(re.sub(r"^/(.*)/$", r"\1", rule["pattern"]), name)
        )

    include, exclude = options.get("include"), options.get("exclude")
    return [
        column
        for column in frame
        if (not include or holds(include, column.name)) and not (exclude and holds(exclude, column.name))
    ]


def _sort(frame: Frame, rules: Sequence[Mapping[str, Any]]) -> Frame:
    for rule in reversed(rules):
        for column in frame:
            if column.name == rule["field"]:
                order = _order(column.values, bool(rule.get("desc")))
                frame = [Column(each.name, [each.values[i] for i in order], each.ref) for each in frame]
                break
    return frame


def _sorted_as_shown(
    panel: Mapping[str, Any], titles: Sequence[str], titled: Sequence[tuple[Column, Any]]
) -> list[int]:
    """The rows' indices in the order of the table's option `sortBy`."""
    order = list(range(len(titled[0][0].values))) if titled else []
    for rule in reversed((panel.get("options") or {}).get("sortBy") or ()):
        if rule["displayName"] not in titles:
            continue  # the column has no values now
        values = titled[titles.index(rule["displayName"])][0].values
        order = [order[i] for i in _order([values[i] for i in order], bool(rule.get("desc")))]
    return order


def _order(values: Sequence[Value], descending: bool) -> list[int]:
    """Indices that sort the values; missing ones come last."""
    present = [i for i, value in enumerate(values) if value is not None]
    present.sort(key=lambda i: values[i], reverse=descending)
    return present + [i for i, value in enumerate(values) if value is None]
