"""What a reader sees of a panel: its series or the rows of its table."""

from dataclasses import dataclass, field

Value = float | str | None


class Unsupported(Exception):
    """The panel uses something of Grafana's that the tests do not know."""


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
