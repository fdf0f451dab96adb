"""The receiver of alerts: where the lab's Alertmanager delivers notifications."""

import hashlib
import sys
from pathlib import Path

from lab import notifications
from lab.command import Command
from lab.ports import HOST, Ports

NAME = "receiver"
PATH = "/alerts"
"""The path of its webhooks, one for each receiver of the chart, such as /alerts/pager."""


def command(ports: Ports, folder: Path, root: Path) -> Command:
    """How to start it; it keeps what it gets in the folder. Prometheus' pages may read it."""
    options = ["--host", HOST, "--port", str(ports.receiver), "--origin", ports.url("prometheus")]
    return Command(
        name=NAME,
        arguments=(sys.executable, "-m", "lab.notifications", *options),
        environment={"PYTHONPATH": str(root)},
        folder=folder,
        url=ports.url(NAME),
        source=hashlib.sha256(Path(notifications.__file__).read_bytes()).hexdigest(),
    )
