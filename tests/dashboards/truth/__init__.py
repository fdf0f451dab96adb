"""The truth of every panel, and the check against it.

Each dashboard has a module here with its name, such as `storage_api` for storage-api.json. It has

    VIEWS: views that are checked: the phases of the proof and the variables that a reader chose
    variables(seen) -> {variable: its options}
    marks(seen) -> {(annotation, title, text)}: what is marked on the graphs
    PANELS = Panels(): one function for each panel, by its title:

        @PANELS("Requests", unit="reqps")
        def requests(seen: Seen) -> dict[str, Expected] | Rows: ...

The function gets what the proof knows in one view (`seen`, see tests/support/proof/seen.py: the client's own
record of its requests, the phase, the chosen variables, the processes) and returns what the panel must show:
an Expected (see expected.py) for each series by the name that a reader sees, or `Rows` for a table. An empty
dict means that the panel must show nothing. A series or row more or less is a difference, and so is a unit
that is not `unit` (a dict names the unit of each column of numbers, or of each series).
With `also=[View(...)]` a panel is checked in more views. A panel whose query asks for exemplars needs
`marks=...`: a function from `seen` to the traces that it may mark, with the longest duration of each.

`verify(dashboard, panel, proof)` checks a panel's JSON, which may be a changed copy of a dashboard's panel,
against the running proof and returns the differences: an empty list if the panel tells the truth. It only
queries, so it can be called any number of times. `tests.support.proof.run.proof()` starts the proof:

    with proof() as proven:
        verify("storage-api", panel, proven)
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from lab.errors import LabError
from tests.dashboards.truth.expected import Expected, Rows
from tests.support.dashboard.picture import draw
from tests.support.dashboard.shown import Picture, Shown, Unsupported
from tests.support.dashboard.variables import View, resolve

Unit = str | Mapping[str, str]
Truth = Callable[[Any], Mapping[str, Expected] | Rows]
Marks = Callable[[Any], Mapping[str, float]]


@dataclass(frozen=True)
class Expectation:
    truth: Truth
    unit: Unit
    also: Sequence[View]
    marks: Marks | None


class Panels:
    """The truth of a dashboard's panels by title."""

    def __init__(self) -> None:
        self.truths: dict[str, Expectation] = {}

    def __call__(
        self, title: str, unit: Unit = "", also: Sequence[View] = (), marks: Marks | None = None
    ) -> Callable[[Truth], Truth]:
        def add(truth: Truth) -> Truth:
            if title in self.truths:
                raise ValueError(f"two expectations for the panel {title!r}")
            self.truths[title] = Expectation(truth, unit, also, marks)
            return truth

        return add


@dataclass(frozen=True)
class Comparison:
    """One thing that a panel shows, or should show, in one view."""

    dashboard: str
    panel: str
    view: str
    item: str
    """The series, or the row and column."""
    expected: str
    got: str
    tolerance: str
    differs: bool

    def __str__(self) -> str:
        where = f"{self.panel} [{self.view}] {self.item}"
        return f"{where}: expected {self.expected} ({self.tolerance}), got {self.got}"


def module(dashboard: str) -> ModuleType:
    return import_module(f"tests.dashboards.truth.{dashboard.replace('-', '_')}")


def verify(dashboard: str, panel: Mapping[str, Any], proof: Any) -> list[str]:
    """The differences between a panel and the truth, a line each."""
    return [str(one) for one in compare(dashboard, panel, proof) if one.differs]


def compare(dashboard: str, panel: Mapping[str, Any], proof: Any) -> Iterator[Comparison]:
    """Every comparison of a panel, in every view of its dashboard."""
    truths = module(dashboard)
    title = panel["title"]
    if title not in truths.PANELS.truths:
        yield Comparison(dashboard, title, "", "panel", "no such panel", "a panel", "exact", True)
        return
    expected = truths.PANELS.truths[title]
    for view in (*truths.VIEWS, *expected.also):
        seen = proof.seen(view)
        about = (dashboard, title, str(view))
        try:
            chosen, _ = resolve(proof.model(dashboard), proof.source, view.variables)
            picture = draw(panel, proof.source, chosen, seen.shown)
            marks = list(_compare_marks(about, panel, proof, seen, chosen))
        except (LabError, Unsupported, ValueError, KeyError) as error:
            yield Comparison(*about, "panel", "a picture", f"{type(error).__name__}: {error}", "", True)
            continue
        yield from marks
        yield from _compare(about, picture, expected.truth(seen), expected.unit)


def _compare_marks(
    about: tuple[str, str, str], panel: Mapping[str, Any], proof: Any, seen: Any, chosen: Mapping[str, str]
) -> Iterator[Comparison]:
    """Whether the panel marks requests of the client, and no others."""
    marks = module(about[0]).PANELS.truths[about[1]].marks
    targets = [target for target in panel["targets"] if target.get("exemplar")]
    if not targets and not marks:
        return
    found = [one for target in targets for one in proof.source.exemplars(target, chosen, seen.shown)]
    known = marks(seen) if marks else {}
    # A service counts a request when it has sent the answer, which may be a moment after the client has it.
    strange = [one for one in found if one.value > known.get(one.trace, 0) + 1 or one.trace not in known]
    expected = "traces of the client" if known else "no traces"
    got = f"{len(found)} traces, {len(strange)} of others"
    yield Comparison(*about, "exemplars", expected, got, "exact", bool(strange) or bool(found) != bool(known))


def _compare(
    about: tuple[str, str, str], picture: Picture, truth: Mapping[str, Expected] | Rows, unit: Unit
) -> Iterator[Comparison]:
    if isinstance(truth, Rows):
        yield from _compare_rows(about, picture, truth, unit)
        return
    if picture.rows is not None:
        yield Comparison(*about, "panel", "series", "a table", "exact", True)
        return
    names = [name for name, _ in picture.lines]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Comparison(*about, name, "one series", f"{names.count(name)} series", "exact", True)
    yield from _compare_each(about, dict(picture.lines), truth, unit)


def _compare_rows(
    about: tuple[str, str, str], picture: Picture, truth: Rows, unit: Unit
) -> Iterator[Comparison]:
    found: dict[tuple[Hashable, ...], Mapping[str, Shown]] = {}
    for row in picture.rows or ():
        key = tuple(_key(row.get(name)) for name in truth.key)
        if key in found:
            yield Comparison(*about, _name(key), "one row", "two rows", "exact", True)
        found[key] = {title: cell for title, cell in row.items() if title not in truth.key}
    if truth.ordered and list(found) != list(truth.rows) and set(found) == set(truth.rows):
        names = (", ".join(map(_name, keys)) for keys in (truth.rows, found))
        yield Comparison(*about, "order", *names, "exact", True)
    for key in dict.fromkeys([*truth.rows, *found]):
        if key not in found or key not in truth.rows:
            words = ("a row", "no row") if key in truth.rows else ("no row", "a row")
            yield Comparison(*about, _name(key), *words, "exact", True)
            continue
        cells = {title: cell for title, cell in found[key].items() if cell.value is not None}
        yield from _compare_each(about, cells, truth.rows[key], unit, _name(key))


def _compare_each(
    about: tuple[str, str, str],
    found: Mapping[str, Shown],
    truth: Mapping[str, Expected],
    unit: Unit,
    row: str = "",
) -> Iterator[Comparison]:
    for name in dict.fromkeys([*truth, *found]):
        item, kind = (f"{row}: {name}", "cell") if row else (name, "series")
        if name not in found:
            yield Comparison(*about, item, str(truth[name]), f"no {kind}", truth[name].tolerance, True)
        elif name not in truth:
            yield Comparison(*about, item, f"no {kind}", _said(found[name]), "exact", True)
        else:
            shown, expected = found[name], truth[name]
            differs = expected.differs(shown)
            yield Comparison(*about, item, str(expected), _said(shown), expected.tolerance, differs)
            wanted = unit if isinstance(unit, str) else unit.get(name, "")
            if shown.unit != wanted and shown.text is None and not isinstance(shown.value, str):
                yield Comparison(
                    *about, f"{item}, unit", wanted or "none", shown.unit or "none", "exact", True
                )


def _key(cell: Shown | None) -> Hashable:
    return None if cell is None else cell.text or cell.value


def _name(key: tuple[Hashable, ...]) -> str:
    return " ".join(map(str, key))


def _said(shown: Shown) -> str:
    if shown.text is not None:
        return shown.text
    values = [value for _, value in shown.points]
    if len(values) > 1 and min(values) != max(values):
        return f"{min(values):.4g} to {max(values):.4g}, mean {sum(values) / len(values):.4g}"
    return f"{shown.value:.4g}" if isinstance(shown.value, float | int) else str(shown.value)
