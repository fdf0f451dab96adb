"""Adds markers according to a test's fixtures, and fails tests that start a server without the marker `live`.

    live       uses a server: through one of the fixtures below, or marked by hand if the test starts it
    browser    uses a browser
    cluster    needs a cluster: tests/e2e
    thorough   draws more cases with THOROUGH=1, through the fixture `draws`

`make check` runs the tests that are neither live nor browser.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SERVERS = {
    "start",
    "object_storage",
    "azure_storage",
    "collector",
    "run_collector",
    "start_process",
    "platform",
    "proof",
    "measured",
}
BROWSERS = {"browser"}
ENDING = {"end_of_start", "health_check"}
"""Fixtures that run the service's program when it exits by itself, such as on an invalid setting."""
PROGRAMS = {"prometheus", "alertmanager", "weed", "azurite", "otelcol-contrib", "grafana", "storage_api"}
"""Programs and Python modules that run until they are stopped."""

_current: pytest.Item | None = None


def add(item: pytest.Item) -> None:
    """Add the markers that an item's fixtures and folder imply."""
    fixtures = set(getattr(item, "fixturenames", ()))
    implied = {
        "live": fixtures & (SERVERS | BROWSERS),
        "browser": fixtures & BROWSERS,
        "cluster": item.nodeid.startswith("tests/e2e/"),
        "thorough": "draws" in fixtures,
    }
    for name, holds in implied.items():
        if holds:
            item.add_marker(name)


def watch() -> None:
    """Check every program that this process starts from now on, through Python's audit events."""
    sys.addaudithook(_hook)


@contextmanager
def running(item: pytest.Item) -> Iterator[None]:
    """Check the programs that are started inside the block against the markers of `item`."""
    global _current  # noqa: PLW0603 - an audit hook takes no argument of ours
    _current = item
    try:
        yield
    finally:
        _current = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "subprocess.Popen" or _current is None:
        return
    command = [str(part) for part in arguments[1]] if not isinstance(arguments[1], str) else [arguments[1]]
    if "--version" in command:
        return
    module = command[command.index("-m") + 1 :][:1] if "-m" in command else []
    started = PROGRAMS & {Path(command[0]).name, *module}
    if started and not (_current.get_closest_marker("live") or ENDING & set(_current.fixturenames)):
        raise AssertionError(f"{started.pop()} is a server: mark {_current.nodeid} as live")
