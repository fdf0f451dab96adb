"""Mutation test of the dashboards: which share of small faults in panels does their proof notice?

python -m tests.support.proof.mutate           run the mutants, and write the score into README.md
python -m tests.support.proof.mutate --check   the same, but only compare the score with README.md
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.dashboards import test_workload as workload
from tests.dashboards.truth import compare
from tests.support.dashboard.mutants import Mutant, metrics, mutants
from tests.support.dashboard.promtool import PromtoolSource
from tests.support.dashboard.sources import Remembered
from tests.support.documents import DOCUMENTS, data_panels
from tests.support.mutation import score
from tests.support.mutation.score import Result
from tests.support.proof.run import PROVEN, Proof, proof

SUBJECT = score.Subject(
    "The proof of the dashboards notices {score} % of {mutants} small faults",
    Path(__file__).parent / "survivors.yaml",
)
SAMPLE = 300
"""Mutants of a usual run, evenly over all of them."""


def all_mutants() -> list[Mutant]:
    """Mutants of each panel of every dashboard."""
    panels = {name: data_panels(DOCUMENTS[name]) for name in DOCUMENTS}
    names = sorted(metrics(panel for each in panels.values() for panel in each))
    return [mutant for name in DOCUMENTS for mutant in mutants(name, panels[name], names)]


def surviving(found: Sequence[Mutant], proven: Proof) -> list[Mutant]:
    """The mutants that show the truth in every view of the proof."""
    through = proven.through(Remembered(proven.source))
    alive = [
        mutant
        for mutant in found
        if mutant.dashboard not in PROVEN
        or not any(one.differs for one in compare(mutant.dashboard, mutant.panel, through))
    ]
    recorded = [mutant for mutant in alive if mutant.dashboard not in PROVEN]
    noticed = _noticed(recorded, workload.source, _recorded_differs)
    return [mutant for mutant in alive if mutant.name not in noticed]


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
    found = list(compare(mutant.dashboard, mutant.panel, workload.proof_of(source)))
    return any(one.differs for one in found)


def run(most: int, again: bool, proven: Proof) -> Result:
    """Run so many mutants. Those with a reason to survive count as survivors, and run only with `again`."""
    found = score.sampled(all_mutants(), most)
    known = [] if again else [mutant for mutant in found if SUBJECT.explained(mutant.name)]
    alive = [*known, *surviving([mutant for mutant in found if mutant not in known], proven)]
    return Result(SUBJECT, len(found), sorted(mutant.name for mutant in alive))


def main() -> int:
    """The command line; starts the lab of the proof once."""
    with proof() as proven:
        return score.main(__doc__, SUBJECT, SAMPLE, lambda most, again: run(most, again, proven))


if __name__ == "__main__":
    sys.exit(main())
