"""The stated picture of each panel in each situation, and the one that it shows."""

import functools
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.render.chart import NAMESPACE, render_chart
from tests.dashboards.states.situations import AT, JOB, SITUATIONS
from tests.support.dashboard.look import Look, look
from tests.support.dashboard.picture import draw
from tests.support.dashboard.promtool import PromtoolSource
from tests.support.dashboard.variables import TimeRange
from tests.support.documents import DOCUMENTS, data_panels

STATED = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in Path(__file__).parent.glob("*.yaml")
}
"""What each panel must show: by dashboard, title and situation."""
VARIABLES = {"namespace": NAMESPACE, "service": JOB, "pod": ".+", "job": ".+"}
SHOWN = TimeRange(AT - 300, AT, 60)
"""Graphs have a point each minute, of which the last is compared."""
TOLERANCE = 0.01


@functools.cache
def groups() -> list[dict[str, Any]]:
    """All rule groups of the chart, with the faults that drills need."""
    # Not those of kube-prometheus-stack, whose TargetDown is pending too.
    rules = [
        each
        for each in render_chart({"storage-api": {"faults": {"enabled": True}}}).ours
        if each["kind"] == "PrometheusRule"
    ]
    return [group for rule in rules for group in rule["spec"]["groups"]]


@functools.cache
def seen(situation: str) -> Mapping[tuple[str, str], Look]:
    """What each panel shows in a situation, by dashboard and title."""
    asked = [(dashboard, panel) for dashboard in STATED for panel in data_panels(DOCUMENTS[dashboard])]
    answers = source(situation)
    return answers.settle(
        lambda: {
            (dashboard, panel["title"]): look(panel, draw(panel, answers, VARIABLES, SHOWN), AT)
            for dashboard, panel in asked
        }
    )


def source(situation: str) -> PromtoolSource:
    """Answers queries in a situation."""
    given = SITUATIONS[situation]
    return PromtoolSource(groups() if given.rules else [], given.series(), AT)


def stated(dashboard: str, panel: str) -> dict[str, Any]:
    """The picture of each situation; a key such as `healthy, ticket` states the same for both."""
    found: dict[str, Any] = {}
    for names, picture in (STATED[dashboard].get(panel) or {}).items():
        for name in SITUATIONS if names == "all situations" else names.split(", "):
            assert name in SITUATIONS, f"{dashboard}, {panel}: there is no situation {name!r}"
            assert name not in found, f"{dashboard}, {panel}: two pictures for {name!r}"
            found[name] = picture
    return found


def same(stated: Any, found: Any) -> bool:
    """Compare pictures; numbers may differ by TOLERANCE."""
    if isinstance(stated, dict) and isinstance(found, dict):
        return stated.keys() == found.keys() and all(same(stated[key], found[key]) for key in stated)
    if isinstance(stated, list) and isinstance(found, list):
        return len(stated) == len(found) and all(map(same, stated, found))
    one, other = str(stated).split(" ", 1), str(found).split(" ", 1)
    number = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")
    if not (number.fullmatch(one[0]) and number.fullmatch(other[0])):
        return one == other
    return one[1:] == other[1:] and math.isclose(float(one[0]), float(other[0]), rel_tol=TOLERANCE)
