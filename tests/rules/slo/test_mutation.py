"""The proof notices small faults in the rules."""

import pytest

from tests.support.draws import THOROUGH
from tests.support.mutation import score
from tests.support.slo import mutate


@pytest.mark.timeout(900)
def test_the_proof_notices_small_faults_and_the_readme_tells_how_many(draws):
    result = mutate.run(draws(4, mutate.SAMPLE))
    assert result.unexplained() == []
    if THOROUGH:
        assert result.score >= score.LEAST
        assert mutate.SUBJECT.told() == result.line
