"""Sample traffic in the background, so that a new lab has data to show."""

import json
import sys
from pathlib import Path

from lab.command import Command
from lab.processes import last_line

NAME = "sample-traffic"


def command(url: str, minutes: int, folder: Path, root: Path) -> Command:
    """Sends one round a second to the storage API at `url` for `minutes`."""
    # Separate ids: `make traffic` deletes the objects with the usual ones.
    arguments = ["--url", url, "--rounds", str(minutes * 60), "--rate", "1", "--prefix", "sample-", "--json"]
    return Command(
        name=NAME,
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
