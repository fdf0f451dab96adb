"""The storage API from this repository's source, with the environment of its rendered container."""

import sys
from pathlib import Path

from lab.command import Command
from lab.digest import digest
from lab.ports import Ports
from lab.render.workload import Workload


def command(workload: Workload, ports: Ports, folder: Path, root: Path) -> Command:
    """How to start the storage API of the repository at `root`; objects are kept below the folder."""
    return Command(
        name="storage-api",
        arguments=(sys.executable, "-m", "storage_api"),
        environment=workload.local(folder / "objects")
        # A container has no user's home: do not use cloud credentials from the home folder of this machine.
        | {"PYTHONPATH": str(root / "service"), "HOME": str(folder)},
        folder=folder,
        url=ports.url("service"),
        source=_source(root),
    )


def _source(root: Path) -> str:
    """A digest of the service's code and of the packages that it runs with."""
    files = [*(root / "service" / "storage_api").rglob("*"), root / "requirements.txt"]
    return digest(root, (file for file in files if file.suffix != ".pyc"))
