"""Expectations: what a panel must show, and how far it may be from that.

near(12, 0.1)       12 +-10 %; a graph's mean over the time shown, and twice as far at each moment.
                    Without a tolerance, 15 %: a window has few scrapes, and a busy machine delays some
exactly(3)          3 at each moment
between(0.25, 0.5)  from 0.25 to 0.5 at each moment, such as a quantile within its bucket
text("paging")      the words of the value mapping, or a cell that is a text
age(30, 2)          30 +-2 seconds
last(12, 0.1)       12 +-10 % at the end
turns(s, 0, t, 4)   0 until the Unix time s, and 4 from t on
Rows(...)           a table
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.support.dashboard.shown import Shown


class Expected(Protocol):
    tolerance: str
    """The tolerance in words, such as `±10 %`."""

    def differs(self, shown: Shown) -> bool: ...


@dataclass(frozen=True)
class _Near:
    value: float
    relative: float
    absolute: float
    unit: str = ""

    def differs(self, shown: Shown) -> bool:
        values = numbers(shown)
        allowed = max(abs(self.value) * self.relative, self.absolute)
        mean = sum(values) / len(values) if values else math.nan
        worst = max((abs(value - self.value) for value in values), default=math.nan)
        # A comparison with NaN is false.
        return not (abs(mean - self.value) <= allowed and worst <= 2 * allowed)

    @property
    def tolerance(self) -> str:
        # Below a thousandth, only the arithmetic of floating point differs.
        if not self.absolute and self.relative < 1e-3:
            return "exact"
        parts = [f"±{self.relative:.0%}".replace("%", " %")] if self.relative else []
        return " or ".join(parts + ([f"±{self.absolute:g}{self.unit}"] if self.absolute else []))

    def __str__(self) -> str:
        return f"{self.value:.4g}"


@dataclass(frozen=True)
class _Between:
    low: float
    high: float
    tolerance: str

    def differs(self, shown: Shown) -> bool:
        values = numbers(shown)
        return not values or not all(self.low <= value <= self.high for value in values)

    def __str__(self) -> str:
        return f"{self.low:.4g} to {self.high:.4g}"


@dataclass(frozen=True)
class _Exactly:
    value: float
    tolerance: str = "exact"

    def differs(self, shown: Shown) -> bool:
        values = numbers(shown)
        return not values or any(value != self.value for value in values)

    def __str__(self) -> str:
        return f"{self.value:g}"


@dataclass(frozen=True)
class _Text:
    text: str
    tolerance: str = "exact"

    def differs(self, shown: Shown) -> bool:
        return self.text != (shown.value if shown.text is None else shown.text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class _Last:
    expected: _Near

    @property
    def tolerance(self) -> str:
        return f"{self.expected.tolerance} at the end"

    def differs(self, shown: Shown) -> bool:
        return self.expected.differs(Shown(shown.unit, value=shown.value))

    def __str__(self) -> str:
        return str(self.expected)


@dataclass(frozen=True)
class _Turns:
    until: float
    before: float
    since: float
    after: float
    tolerance: str = "before and after the change"

    def differs(self, shown: Shown) -> bool:
        early = {value for time, value in shown.points if time < self.until}
        late = {value for time, value in shown.points if time > self.since}
        return early != {self.before} or late != {self.after}

    def __str__(self) -> str:
        return f"{self.before:g}, then {self.after:g}"


def near(value: float, relative: float = 0.15, absolute: float = 0.0) -> Expected:
    """A number; the larger of the two tolerances applies, `relative` being a share of it."""
    return _Near(value, relative, absolute)


def exactly(value: float) -> Expected:
    return _Exactly(float(value))


def between(low: float, high: float, why: str = "its bucket") -> Expected:
    """A number from `low` to `high`; `why` names what these are."""
    return _Between(low, high, why)


def text(words: str) -> Expected:
    return _Text(words)


def age(seconds: float, error: float) -> Expected:
    return _Near(seconds, 0, error, " s")


def last(value: float, relative: float = 0.15, absolute: float = 0.0) -> Expected:
    """The last value of a graph that changes."""
    return _Last(_Near(value, relative, absolute))


def turns(until: float, before: float, since: float, after: float) -> Expected:
    return _Turns(until, before, since, after)


@dataclass(frozen=True)
class Rows:
    """A table: its rows by the values of the `key` columns, the first row on top if `ordered`.

    A row maps the titles of its other columns to what they show. Columns that it does not name must be
    empty in it.
    """

    key: tuple[str, ...]
    rows: Mapping[tuple[Hashable, ...], Mapping[str, Expected]] = field(default_factory=dict)
    ordered: bool = False


def numbers(shown: Shown) -> Sequence[float]:
    """The values of a series, or the one of a cell; empty if it is none or a text."""
    if shown.points:
        return [value for _, value in shown.points]
    return [shown.value] if isinstance(shown.value, float | int) else []
