"""Fixtures and hooks of all tests: markers, number of drawn cases, and tests whose tools are missing."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.render import helm
from lab.render.chart import DEPENDENCY, dependency_package
from tests.support import answers, caller_environment, markers
from tests.support import draws as sizes

# At import, before anything reads the environment.
caller_environment.forget()


def pytest_configure(config: pytest.Config) -> None:
    # xdist would start the files with the most tests first, instead of in the order set below.
    config.option.loadscopereorder = False
    # A run in the background ignores SIGINT, and so would the processes that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    markers.watch()
    helm.run = answers.run_helm
    if not hasattr(config, "workerinput"):
        answers.forget_old()


def pytest_report_header() -> str:
    return "draws: full" if sizes.THOROUGH else "draws: everyday sizes (THOROUGH=1 for the full ones)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        markers.add(item)
    # The tests that wait for servers come first, so that no worker is left alone with them at the end.
    items.sort(key=lambda item: item.get_closest_marker("live") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    with markers.running(item):
        return (yield)


@pytest.fixture(scope="session")
def draws() -> Callable[[Any, Any], Any]:
    """The number of cases that a test draws; see tests/support/draws.py."""
    return sizes.draws


@pytest.fixture(scope="session")
def missing_part():
    """Return a function that skips a test because this machine lacks something, such as a program or IPv6.

    Its argument names what is missing and how to get it. If `CI` is set, the test fails instead: CI must
    have everything.
    """

    def end(line: str) -> None:
        if os.environ.get("CI"):
            pytest.fail(f"MISSING in CI: {line}", pytrace=False)
        pytest.skip(f"MISSING: {line}")

    return end


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses connections, and that no other program can take during the test."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture(scope="session")
def needs_package() -> None:
    """Skip a test, in CI too, if kube-prometheus-stack's package is not in charts/: no registry has it."""
    if dependency_package() is None:
        pytest.skip(f"MISSING: {DEPENDENCY} is not in charts/ (make deps downloads it)")
