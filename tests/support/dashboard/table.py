"""The rows of a table panel."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.dashboard.field_options import FieldOptions
from tests.support.dashboard.frames import Column, data_frame, transform
from tests.support.dashboard.shown import Shown, Unsupported, Value
from tests.support.dashboard.sources import Series


def rows(
    panel: Mapping[str, Any], answers: list[tuple[Mapping[str, Any], list[Series]]]
) -> list[dict[str, Shown]]:
    """The cells of each row by the column's title, from the panel's queries and the answer to each."""
    frames = [data_frame(target, series, len(answers) == 1) for target, series in answers if series]
    for transformation in panel.get("transformations") or ():
        if not transformation.get("disabled"):
            frames = transform(transformation, frames)
    if not frames:
        return []
    if len(frames) > 1:
        raise Unsupported(f"a table of {len(frames)} frames that are not merged: {panel['title']}")
    columns = [(column, FieldOptions(panel, column.name, column.ref)) for column in frames[0]]
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


def _sorted_as_shown(
    panel: Mapping[str, Any], titles: Sequence[str], titled: Sequence[tuple[Column, FieldOptions]]
) -> list[int]:
    """The rows' indices in the order of the table's option `sortBy`."""
    order = list(range(len(titled[0][0].values))) if titled else []
    for rule in reversed((panel.get("options") or {}).get("sortBy") or ()):
        if rule["displayName"] not in titles:
            continue  # the column has no values now
        values = titled[titles.index(rule["displayName"])][0].values
        order.sort(key=lambda index, values=values: _rank(values[index]), reverse=bool(rule.get("desc")))
    return order


def _rank(value: Value) -> tuple:
    """Sorts as Grafana's tables do: no value is the smallest, and `pod-9` stands before `Pod-10`."""
    if not isinstance(value, str):
        return () if value is None else (value,)
    parts = re.split(r"(\d+)", value.casefold())
    return tuple((part.isdigit(), int(part) if part.isdigit() else part) for part in parts if part)
