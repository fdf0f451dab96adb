"""Mutation test of the dashboards: which share of small faults in panels does their proof notice?

python -m tests.support.proof.mutate           run the mutants, and write the score into README.md
python -m tests.support.proof.mutate --check   the same, but only compare the score with README.md
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.dashboards.truth import compare
from tests.support.dashboard.mutants import Mutant, metrics, mutants
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
    """Mutants of each panel of the proven dashboards."""
    panels = {name: data_panels(DOCUMENTS[name]) for name in DOCUMENTS}
    names = sorted(metrics(panel for each in panels.values() for panel in each))
    return [mutant for name in PROVEN for mutant in mutants(name, panels[name], names)]


def surviving(found: Sequence[Mutant], proven: Proof) -> list[Mutant]:
    """The mutants that show the truth in every view."""
    return [
        mutant
        for mutant in found
        if not any(one.differs for one in compare(mutant.dashboard, mutant.panel, proven))
    ]


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
