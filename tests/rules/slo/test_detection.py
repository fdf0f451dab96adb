"""docs/slo-detection.md tells how soon alerts fire, in theory and as measured."""

import itertools
import math

import pytest

from tests.support.draws import sample
from tests.support.slo.detection import DOCUMENT, FAULTS, cells, text

ROWS = [
    [cell.strip() for cell in line.strip("| \n").split("|")]
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ")
]
TOLD = {
    cell: told
    for fault, row in zip(FAULTS, ROWS[1:], strict=True)
    for cell, told in zip((cell for cell in cells() if cell.fault == fault), row[1:], strict=True)
}


@pytest.mark.parametrize("cell", sample(list(cells()), 11), ids=str)
def test_the_measured_time_is_near_theory_and_in_the_document(cell):
    measured, theory = cell.measured(), cell.theory()
    assert math.isinf(measured) == math.isinf(theory)
    if math.isfinite(theory):
        assert theory <= measured <= theory + cell.step() + 30 + cell.lag()
    assert TOLD[cell] == text(cell, measured)


def test_the_document_tells_no_other_theory():
    for cell, told in TOLD.items():
        assert told.split(" / ")[0] == text(cell, cell.theory()).split(" / ")[0]


def test_a_worse_fault_or_a_stricter_objective_never_fires_later():
    for one, other in itertools.product(cells(), cells()):
        if one.severity == other.severity and one.fault >= other.fault and one.objective >= other.objective:
            assert one.theory() <= other.theory()
