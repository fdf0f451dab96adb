"""Answers panels' queries from rules and input series, without a server: `promtool test rules` does it."""

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tests.support.dashboard.sources import Series
from tests.support.dashboard.variables import TimeRange, interpolate
from tests.support.slo.case import promtool
from tests.support.slo.rules import Group

_FAILED = re.compile(
    r'^    expr: (?P<expr>".*"), time: (?P<time>\S+?),\n\s+exp: (?P<exp>.*)\n\s+got: (?P<got>.*)$',
    re.MULTILINE,
)
_SAMPLE = re.compile(r'\{(?P<labels>(?:[^"}]|"(?:[^"\\]|\\.)*")*)\} (?P<value>[^\s,]+)')
_LABEL = re.compile(r'([\w.:]+)=("(?:[^"\\]|\\.)*")')


Asked = tuple[str, int]
"""A PromQL expression, and the time of its evaluation in seconds from the first sample."""
Vector = list[tuple[dict[str, str], float]]
"""An instant vector: labels, the name of the metric included, and a value."""
Found = TypeVar("Found")


def evaluate(
    groups: Sequence[Group],
    series: Iterable[tuple[str, str]],
    asked: Iterable[Asked],
    *,
    every: str = "30s",
    step: str = "30s",
) -> dict[Asked, Vector]:
    """What each expression returns at its time, one promtool run for all.

    `series` are pairs in promtool's notation: a series with its labels, and its samples, one every `every`.
    Rules are evaluated every `step`, in the order of the groups. Raises ValueError for what promtool refuses.
    """
    asked = list(dict.fromkeys(asked))
    document: dict[str, Any] = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": step,
        "group_eval_order": [group["name"] for group in groups],
        "tests": [
            {
                "interval": every,
                "input_series": [{"series": name, "values": values} for name, values in series],
                # Nothing is expected, so that promtool reports everything it finds.
                "promql_expr_test": [
                    {"expr": expr, "eval_time": f"{time}s", "exp_samples": []} for expr, time in asked
                ],
            }
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yaml").write_text(json.dumps({"groups": list(groups)}), encoding="utf-8")
        file = Path(folder) / "test.yaml"
        file.write_text(json.dumps(document), encoding="utf-8")
        _, told = promtool([file])
    found: dict[Asked, Vector] = {one: [] for one in asked}
    unread = told
    for match in _FAILED.finditer(told):
        expr = json.loads(match["expr"])
        found[expr, _seconds(match["time"])] = _samples(match["got"])
        unread = unread.replace(match[0], "")
    if left := re.sub(r"\s*(FAILED:|SUCCESS)\s*|  .*exp: nil\n", "", unread).strip():
        raise ValueError(left)
    return found


class PromtoolSource:
    """A source of panels' queries. It finds nothing until `settle` has let promtool answer what was asked."""

    def __init__(
        self, groups: Sequence[Group], series: Iterable[tuple[str, str]], now: int, **options: str
    ) -> None:
        """Variables have the options of the time `now`, in seconds. `options` are those of `evaluate`."""
        self._given = groups, list(series)
        self._now = now
        self._options = options
        self._asked: list[Asked] = []
        self._answers: dict[Asked, Vector] = {}

    def settle(self, look: Callable[[], Found]) -> Found:
        """Call `look`, which asks this source, until it has asked nothing new, and return what it returns."""
        while True:
            found = look()
            if not self._asked:
                return found
            self._answers |= evaluate(*self._given, self._asked, **self._options)
            self._asked = []

    def query(
        self, target: Mapping[str, Any], variables: Mapping[str, str], shown: TimeRange
    ) -> list[Series]:
        expression = interpolate(target["expr"], variables, shown.variables())
        steps = 0 if target.get("instant") else int((shown.end - shown.start) // shown.interval)
        found: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        for step in range(steps, -1, -1):
            time = int(shown.end - step * shown.interval)
            for labels, value in self._answer(expression, time):
                found.setdefault(tuple(sorted(labels.items())), []).append((time, value))
        return [Series(dict(labels), tuple(points)) for labels, points in found.items()]

    def label_values(self, label: str, selector: str) -> list[str]:
        # Grafana offers what existed at any time of the dashboard's range.
        existed = f"last_over_time({selector}[{self._now + 1}s])"
        found = {labels.get(label, "") for labels, _ in self._answer(existed, self._now)}
        return sorted(found - {""})

    def _answer(self, expression: str, time: int) -> Vector:
        if (expression, time) not in self._answers:
            self._asked.append((expression, time))
        return self._answers.get((expression, time), [])


def _samples(text: str) -> Vector:
    return [
        (
            {name: json.loads(value) for name, value in _LABEL.findall(match["labels"])},
            float(match["value"].replace("Inf", "inf")),
        )
        for match in _SAMPLE.finditer(text)
    ]


def _seconds(duration: str) -> int:
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([dhms])", duration))
