"""The table of a run of drills, and the record of its times in drills/measured.json."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from lab.drills.drill import FOLDER
from lab.drills.result import Result, Span

RECORD = FOLDER / "measured.json"
TIMES = ("pending", "firing", "delivered", "theory", "resolved", "resolved_theory")
"""The fields of Result that hold times, in the order of the tables."""


def table(results: Iterable[Result]) -> Table:
    made = Table(title="Drills: seconds from the fault, and from its end", title_justify="left")
    for heading in ("drill", "pending", "firing", "delivered", "expected", "resolved", "expected", ""):
        made.add_column(heading, no_wrap=True)
    for result in results:
        times = [value or "" for value in times_of(result).values()]
        made.add_row(result.drill.name, *times, "failed" if result.failures else "passed")
    return made


def times_of(result: Result) -> dict[str, str | None]:
    """Seconds as text: `2.5`, or `2.5-7.5` for expected times."""
    return {name: _shown(getattr(result, name)) for name in TIMES}


def record(results: Iterable[Result], path: Path = RECORD) -> None:
    """Writes the times of drills that passed beside those that were recorded before."""
    times = recorded(path) | {r.drill.name: times_of(r) for r in results if not r.failures}
    path.write_text(json.dumps(times, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def recorded(path: Path = RECORD) -> Mapping[str, Mapping[str, Any]]:
    """The recorded times by the drill's name."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _shown(value: float | Span | None) -> str | None:
    return f"{value:.1f}" if isinstance(value, float) else value and str(value)
