"""Evaluates the rules of all shapes (Sloth, Pyrra, ours) on all cases."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.slo import faults, shapes
from bench.slo.replay import Evaluated, firing, needed, record
from bench.slo.results import OURS, Budget, Detection, Noise, Times, Touched
from bench.slo.server import Server, load
from bench.slo.shapes import INTERVAL, Shape
from bench.slo.traffic import EVALUATION, ONSET, Case

OBJECTIVES = (99.9, 99.0, 90.0)
ALERTED = (*faults.FAULTS, faults.BORN, faults.QUIET_OUTAGE, *faults.SILENCE)
NOW = ONSET + EVALUATION


class Comparison:
    """All cases with all shapes, recorded into a Prometheus' data folder inside `folder`."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        cases = (*ALERTED, *faults.BUDGETS, *faults.SIZES)
        self._shapes = {objective: all_shapes(cases, objective) for objective in OBJECTIVES}
        load(self._data, (series for case in cases for series in case.series()))
        record(self._data, [one for case in cases for one in self._records(case)])

    def _records(self, case: Case) -> Iterable[Evaluated]:
        # Records do not depend on the objective.
        for shape in self._shapes[OBJECTIVES[0]][case.name].values():
            if case in faults.BUDGETS:
                read = [shape.ratio]
            else:
                read = [rule.expr for rule in shape.rules if rule.severity or case in faults.SIZES]
            yield from (Evaluated(case, rule) for rule in needed(shape.rules, read))

    def measure(self) -> tuple[list[Detection], list[Noise], list[Budget], dict[str, Touched]]:
        """Detections, noise, budgets, and samples by shape."""
        with Server(self._data, lookback=f"{INTERVAL}s") as server:
            detections = [
                Detection(case.title, objective, self._times(server, case, objective))
                for case in (*faults.FAULTS, faults.BORN)
                for objective in (OBJECTIVES if case is not faults.BORN else OBJECTIVES[:1])
            ]
            quiet = faults.QUIET_OUTAGE
            detections.append(
                Detection(quiet.title, OBJECTIVES[0], self._times(server, quiet, OBJECTIVES[0]), guarded=True)
            )
            noises = [
                Noise(
                    case.title,
                    {
                        name: tuple(
                            len(alerts(server, case, shape, severity)) for severity in ("page", "ticket")
                        )
                        for name, shape in self._shapes[OBJECTIVES[0]][case.name].items()
                    },
                )
                for case in faults.SILENCE
            ]
        # Rules run with Prometheus' usual lookback.
        with Server(self._data) as server:
            budgets = [
                Budget(
                    case.title,
                    {
                        name: server.value(shape.ratio, NOW) / case.truth(shape.days)
                        for name, shape in self._shapes[OBJECTIVES[0]][case.name].items()
                    },
                )
                for case in faults.BUDGETS
            ]
            return detections, noises, budgets, self._touched(server)

    def _times(self, server: Server, case: Case, objective: float) -> dict[str, Times]:
        return {
            name: Times(
                *(min(alerts(server, case, shape, severity), default=None) for severity in ("page", "ticket"))
            )
            for name, shape in self._shapes[objective][case.name].items()
        }

    def _touched(self, server: Server) -> dict[str, Touched]:
        """A line through the samples of two numbers of series, on which those of a third must lie."""
        numbers = [case.pods * (len(case.codes) + 1) for case in faults.SIZES]
        found = {}
        for name in self._shapes[OBJECTIVES[0]][faults.SIZES[0].name]:
            first, second, third = (
                sum(
                    server.samples(rule.expr, NOW)[0] * INTERVAL / rule.every
                    for rule in self._shapes[OBJECTIVES[0]][case.name][name].rules
                )
                for case in faults.SIZES
            )
            per_series = (second - first) / (numbers[1] - numbers[0])
            found[name] = Touched(first - per_series * numbers[0], per_series)
            if abs(found[name].of(numbers[2]) - third) > 1:
                raise ValueError(
                    f"samples of {name} are not proportional to series: {first}, {second}, {third}"
                )
        return found


def all_shapes(cases: Iterable[Case], objective: float) -> dict[str, dict[str, Shape]]:
    """The rules for each case, by its name and the shape's."""
    names = [case.name for case in cases]
    ours = shapes.ours(names, objective)
    return {
        name: {
            "Sloth": shapes.sloth(name, objective),
            "Pyrra": shapes.pyrra(name, objective),
            OURS: ours[name],
        }
        for name in names
    }


def alerts(server: Server, case: Case, shape: Shape, severity: str) -> list[int]:
    """Seconds after the onset at which alerts of a severity begin to fire."""
    return [
        when
        for rule in shape.rules
        if rule.severity == severity
        for when in firing(server, Evaluated(case, rule))
    ]
