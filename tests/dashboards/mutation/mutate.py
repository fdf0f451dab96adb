"""Mutation test of the dashboards: which share of small faults in panels do their tests notice?

The tests are the proof in the lab, that on recorded pods, the pictures of each situation, and the lint.

python -m tests.dashboards.mutation.mutate           run the mutants, and write the score into README.md
python -m tests.dashboards.mutation.mutate --check   the same, but only compare the score with README.md
"""

import copy
import functools
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from lab.errors import LabError
from tests.dashboards import lint
from tests.dashboards.rare.cases import CASES, EXPECTED
from tests.dashboards.states import pictures
from tests.dashboards.states.situations import AT, SITUATIONS
from tests.dashboards.truth import compare
from tests.support.dashboard.look import look
from tests.support.dashboard.mutants import Mutant, metrics, mutants
from tests.support.dashboard.picture import draw
from tests.support.dashboard.promtool import PromtoolSource
from tests.support.dashboard.shown import Unsupported
from tests.support.dashboard.sources import Remembered, Source
from tests.support.documents import DOCUMENTS, data_panels
from tests.support.mutation import score
from tests.support.mutation.score import Result
from tests.support.proof.run import PROVEN, Proof, proof
from tests.support.workload import recorded

SUBJECT = score.Subject(
    "The tests of the dashboards notice {score} % of {mutants} small faults",
    Path(__file__).with_name("survivors.yaml"),
    Path(__file__).with_name("equivalents.yaml"),
)
LINT = (lint.unfiltered_queries, lint.missing_labels, lint.missing_columns)
SAMPLE = 5000
"""Mutants of a usual run: all of them."""


def all_mutants() -> list[Mutant]:
    """Mutants of each panel of every dashboard."""
    panels = {name: data_panels(DOCUMENTS[name]) for name in DOCUMENTS}
    names = sorted(metrics(panel for each in panels.values() for panel in each))
    return [mutant for name in DOCUMENTS for mutant in mutants(name, panels[name], names)]


def surviving(found: Sequence[Mutant], proven: Proof) -> list[Mutant]:
    """The mutants that no test of the dashboards notices.

    Raises LabError if a test notices one of their panels without a fault: it would notice every mutant.
    """
    asked = {(mutant.dashboard, mutant.title) for mutant in found}
    originals = [
        Mutant(name, panel["title"], "without a fault", panel)
        for name, document in DOCUMENTS.items()
        for panel in data_panels(document)
        if (name, panel["title"]) in asked
    ]
    _require(originals, _unproven(originals, proven))
    alive = _unproven([*originals, *(mutant for mutant in found if not _lint(mutant))], proven)
    rest = [mutant for mutant in alive if mutant.dashboard not in PROVEN]
    noticed = _noticed(rest, recorded.source, _recorded_differs)
    for name, case in CASES.items():
        in_case = [one for one in alive if one.title in EXPECTED[name].get(one.dashboard, ())]
        noticed |= _noticed(in_case, case.source, functools.partial(_case_differs, name))
    for name in SITUATIONS:
        rest = [mutant for mutant in alive if mutant.name not in noticed]
        differs_in = functools.partial(_state_differs, name)
        noticed |= _noticed(rest, functools.partial(pictures.source, name), differs_in)
    alive = [mutant for mutant in alive if mutant.name not in noticed]
    _require(originals, alive)
    return [mutant for mutant in alive if mutant not in originals]


def _require(originals: Sequence[Mutant], alive: Sequence[Mutant]) -> None:
    if wrong := [one.name for one in originals if one not in alive]:
        raise LabError(f"the tests of the dashboards fail: {'; '.join(wrong)}")


def _unproven(found: Sequence[Mutant], proven: Proof) -> list[Mutant]:
    """The mutants that show the truth in every view of the lab, and those of other dashboards."""
    return [
        mutant
        for mutant in found
        if mutant.dashboard not in PROVEN
        or not any(one.differs for one in compare(mutant.dashboard, mutant.panel, proven))
    ]


def _lint(mutant: Mutant) -> bool:
    """Tell if the lint refuses the dashboard with the mutant."""
    document = copy.deepcopy(DOCUMENTS[mutant.dashboard])
    document["panels"] = [
        mutant.panel if panel["id"] == mutant.panel["id"] else panel for panel in document["panels"]
    ]
    try:
        return any(check(document) for check in LINT)
    except ValueError:
        return True


def _noticed(
    found: Sequence[Mutant],
    source: Callable[[], PromtoolSource],
    differs: Callable[[Mutant, PromtoolSource], bool],
) -> set[str]:
    """The names of the mutants that differ. promtool answers all at once, or none if it refuses one."""
    if not found:
        return set()
    asked = source()
    try:
        return asked.settle(lambda: {mutant.name for mutant in found if differs(mutant, asked)})
    except ValueError:
        if len(found) == 1:
            return {found[0].name}
        middle = len(found) // 2
        return _noticed(found[:middle], source, differs) | _noticed(found[middle:], source, differs)


def _recorded_differs(mutant: Mutant, source: PromtoolSource) -> bool:
    found = list(compare(mutant.dashboard, mutant.panel, recorded.proof_of(source)))
    return any(one.differs for one in found)


def _case_differs(case: str, mutant: Mutant, source: PromtoolSource) -> bool:
    try:
        found = CASES[case].look(mutant.panel, source)
    except (Unsupported, KeyError):
        return True
    return found != EXPECTED[case][mutant.dashboard][mutant.title]


def _state_differs(situation: str, mutant: Mutant, source: Source) -> bool:
    try:
        picture = draw(mutant.panel, source, pictures.VARIABLES, pictures.SHOWN)
    except (Unsupported, KeyError):
        return True
    stated = pictures.stated(mutant.dashboard, mutant.title)[situation]
    return not pictures.same(stated, look(mutant.panel, picture, AT))


def run(most: int, again: bool, start: Callable[[], AbstractContextManager[Proof]] = proof) -> Result:
    """Run so many mutants. Those with a reason to survive count as survivors, and run only with `again`.

    Equivalent mutants do not count. With `again` they run too; raises LabError if one is noticed.
    """
    every = all_mutants()
    found = score.sampled([mutant for mutant in every if not SUBJECT.equivalent(mutant.name)], most)
    known = [] if again else [mutant for mutant in found if SUBJECT.explained(mutant.name)]
    equal = [mutant for mutant in every if again and SUBJECT.equivalent(mutant.name)]
    asked = [mutant for mutant in found if mutant not in known]
    with start() as proven:
        alive = [*known, *surviving([*asked, *equal], proven.through(Remembered(proven.source)))]
    if noticed := [mutant.name for mutant in equal if mutant not in alive]:
        raise LabError(f"not equivalent, because they were noticed: {'; '.join(noticed)}")
    return Result(SUBJECT, len(found), sorted(mutant.name for mutant in alive if mutant not in equal))


def main() -> int:
    """The command line."""
    try:
        return score.main(__doc__, SUBJECT, SAMPLE, run)
    except LabError as error:
        print(f"mutate: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
