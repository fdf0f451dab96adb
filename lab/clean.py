"""Refuses `make clean` while a process still uses the folders that it removes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from lab.errors import LabError


def refuse_running(folders: Sequence[Path]) -> None:
    """Raises LabError if a process runs a program from one of the folders or has it as working directory."""
    running = list(_running([folder.resolve() for folder in folders]))
    if running:
        raise LabError(
            f"still running from {' or '.join(map(str, folders))}: {', '.join(running)}; "
            "stop it first (a lab: make down LAB_DIR=...)"
        )


def _running(folders: Sequence[Path]) -> Iterator[str]:
    own = psutil.Process()
    spared = {own.pid, *(parent.pid for parent in own.parents())}
    for process in psutil.process_iter(["pid", "name", "exe", "cwd", "cmdline"]):
        about = process.info
        paths = [Path(path) for path in (about["exe"], about["cwd"], *(about["cmdline"] or ())[:1]) if path]
        if about["pid"] not in spared and any(
            path.is_relative_to(folder) for path in paths for folder in folders
        ):
            yield f"{about['name']} (pid {about['pid']}, in {about['cwd'] or 'an unknown folder'})"
