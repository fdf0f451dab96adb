"""What every test shares: a missing part is said in one loud line, and in CI it is a failure."""

import os
import signal

import pytest

from lab.render.chart import DEPENDENCY, dependency_package


def pytest_configure() -> None:
    # A run in the background ignores SIGINT, and so would the processes that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def missing_part():
    """Return a function that ends a test because a part of the machine is missing.

    Calling it with a line that names the part and how to get it skips the test, or fails it where `CI` is
    set: there every part must be present.
    """

    def end(line: str) -> None:
        if os.environ.get("CI"):
            pytest.fail(f"MISSING in CI: {line}", pytrace=False)
        pytest.skip(f"MISSING: {line}")

    return end


@pytest.fixture(scope="session")
def needs_package() -> None:
    """End a test, in CI too, where kube-prometheus-stack's package is not in charts/: no registry has it."""
    if dependency_package() is None:
        pytest.skip(f"MISSING: {DEPENDENCY} is not in charts/ (make deps reaches its repository)")
