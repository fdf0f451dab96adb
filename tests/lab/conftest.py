"""Fixtures of the lab's tests: a render, the lab's command, and programs on disk."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from lab import ROOT
from lab.platform import VALUES
from lab.processes import Processes
from lab.render.chart import Render, render_chart
from tests.support.intervals import every


@pytest.fixture(scope="session")
def render() -> Render:
    """The chart rendered with the lab's values."""
    return render_chart(value_files=[VALUES])


@pytest.fixture
def lab(tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `python -m lab` in a folder below tmp_path, with these variables."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            cwd=ROOT,
            env=os.environ | {"LAB_DIR": str(tmp_path / "lab"), **variables},
            capture_output=True,
            text=True,
            timeout=280,  # an `up` in a fresh checkout builds the dashboards' preview first
            check=False,
        )

    return run


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    """The folder of the command `lab`; processes that still run at the end are stopped."""
    folder = tmp_path / "lab"
    yield folder
    if folder.is_dir():
        processes = Processes(folder)
        processes.stop(list(processes.all()))


@pytest.fixture
def pids(folder) -> Callable[[], dict[str, int]]:
    """Return a function that returns the pids of the folder's processes by name."""

    def read() -> dict[str, int]:
        return {name: started.pid for name, started in Processes(folder).all().items()}

    return read


@pytest.fixture
def scraped_every(tmp_path) -> Callable[[int], dict[str, str]]:
    """Return a function that writes values with this scrape interval; it returns the variable VALUES."""

    def write(seconds: int) -> dict[str, str]:
        path = tmp_path / f"every-{seconds}s.yaml"
        path.write_text(yaml.safe_dump(every(seconds)))
        return {"VALUES": str(path)}

    return write


@pytest.fixture
def program(tmp_path) -> Callable[[str, str], Path]:
    """Return a function that writes an executable shell script and returns its folder."""

    def write(name: str, text: str) -> Path:
        folder = tmp_path / "programs"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
        return folder

    return write
