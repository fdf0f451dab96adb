"""A picture in words, for tables of expectations: `2 of 3 warning` is a text and what its colour means."""

from collections.abc import Mapping
from typing import Any

from dashboards import colors
from tests.support.dashboard.picture import nothing
from tests.support.dashboard.shown import Picture, Shown

MEANINGS = {
    colors.GOOD: "good",
    colors.IDLE: "idle",
    colors.WARNING: "warning",
    colors.CRITICAL: "critical",
    colors.DOWN: "down",
    colors.UNKNOWN: "unknown",
    colors.REDIRECT: "redirect",
    colors.DRILL: "drill",
    colors.NEUTRAL: "",
}
Look = str | dict[str, str] | list[dict[str, str]]


def look(panel: Mapping[str, Any], picture: Picture, end: float) -> Look:
    """What a reader sees at the time `end`: the lines of a panel by name, or the rows of a table.

    A text if there are none. Numbers have four significant digits and no unit; empty cells are left out; a
    line that has no value at the end is `ended`.
    """
    if picture.rows:
        cells = [{title: _words(cell) for title, cell in row.items()} for row in picture.rows]
        return [{title: words for title, words in row.items() if words} for row in cells]
    if picture.lines:
        return {
            name: _words(line) if not line.points or line.points[-1][0] == end else "ended"
            for name, line in picture.lines
        }
    return _words(nothing(panel))


def _words(shown: Shown) -> str:
    text = shown.text or (f"{shown.value:.4g}" if isinstance(shown.value, float) else shown.value)
    if not text:
        return ""
    color = " ".join(MEANINGS.get(word, word) for word in shown.color.split())
    return f"{text} {color}".rstrip()
