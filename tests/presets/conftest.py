"""One run of all applications beside one Prometheus, shared by the tests of presets."""

from collections.abc import Callable

import pytest

from lab.toolchain import ToolError
from tests.presets.run import Run, run_all


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, missing_part: Callable[[str], None]) -> Run:
    """What was sent to all applications, and what Prometheus recorded."""
    try:
        return run_all(tmp_path_factory.mktemp("presets"))
    except ToolError as error:
        missing_part(str(error))
        raise


@pytest.fixture
def proven(run: Run, preset: str, missing_part: Callable[[str], None]) -> Run:
    """The run, if the application of `preset` could be installed."""
    if preset in run.missing:
        missing_part(run.missing[preset])
    return run
