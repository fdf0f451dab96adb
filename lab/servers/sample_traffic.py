"""Sample traffic in the background, so that a new lab has data to show."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.command import Command
from lab.processes import last_line


@dataclass(frozen=True)
class Source:
    """A process that sends requests to one service."""

    part: str
    """The service, one of PARTS."""
    path: str
    """The path below which it stores and deletes objects."""


SOURCES = {
    "sample-traffic": Source("storage-api", "/api/buckets"),
    "checkout-traffic": Source("checkout", "/orders"),
}


def command(name: str, url: str, minutes: int, folder: Path, root: Path) -> Command:
    """Sends one round a second to the service at `url` for `minutes`; `name` is one of SOURCES."""
    # Separate ids: `make traffic` deletes the objects with the usual ones.
    arguments = ["--url", url, "--path", SOURCES[name].path, "--prefix", "sample-", "--keep-going"]
    arguments += ["--rounds", str(minutes * 60), "--rate", "1", "--json"]
    return Command(
        name=name,
        arguments=(sys.executable, "-m", "lab", "traffic", *arguments),
        environment={"PYTHONPATH": str(root)},
        folder=folder,
    )


def is_complete(log: Path) -> bool:
    """True if the log ends with the report of a complete run."""
    try:
        return json.loads(last_line(log))["complete"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
