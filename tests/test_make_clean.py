"""`make clean` removes the tools and lab folders, but nothing that is in use or that make did not write."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lab import ROOT
from lab.command import Command
from lab.processes import Processes

TAG = "CACHEDIR.TAG"


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of the files that `make clean` needs."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "lab", folder / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", folder)
    return folder


@pytest.fixture
def clean(checkout) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(**variables: object) -> subprocess.CompletedProcess[str]:
        given = [f"{name}={value}" for name, value in variables.items()]
        return subprocess.run(
            ["make", "clean", *given], cwd=checkout, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def tools(tmp_path) -> Path:
    """A tools folder as make leaves it; its virtual environment is the one that runs the tests."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / TAG).touch()
    (folder / "venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture
def lab(tmp_path, tools) -> Iterator[Processes]:
    """A lab with one running process, started with the Python of the tools folder."""
    processes = Processes(tmp_path / "lab")
    (tmp_path / "lab").mkdir()
    sleep = "import time; time.sleep(60)"
    arguments = (str(tools / "venv" / "bin" / "python"), "-c", sleep)
    processes.start(Command("storage-api", arguments, {}, tmp_path / "lab" / "storage-api"))
    yield processes
    if processes.folder.is_dir():
        processes.stop(["storage-api"])


def pid(lab: Processes) -> int:
    return lab.all()["storage-api"].pid


def test_a_lab_in_a_custom_folder_is_stopped_and_removed(clean, tools, lab, checkout):
    (checkout / ".lab" / "storage-api").mkdir(parents=True)  # objects of another lab
    running = pid(lab)
    done = clean(TOOLS_DIR=tools, LAB_DIR=lab.folder)
    assert (done.returncode, done.stderr) == (0, "lab: stopped: storage-api\n")
    assert not psutil.pid_exists(running) or psutil.Process(running).status() == psutil.STATUS_ZOMBIE
    assert not tools.exists()
    assert not lab.folder.exists()
    assert (checkout / ".lab" / "storage-api").is_dir()
    lab._children[0].wait()


def test_the_lab_of_killed_drills_is_stopped_and_removed(clean, tools, lab):
    drills = lab.folder / "drills"
    drills.mkdir()
    (lab.folder / "state.json").rename(drills / "state.json")
    done = clean(TOOLS_DIR=tools, LAB_DIR=lab.folder)
    assert (done.returncode, done.stderr) == (0, "lab: stopped: storage-api\n")
    assert not lab.folder.exists()
    lab._children[0].wait()


def test_tools_in_use_by_another_lab_are_kept(clean, tools, lab):
    done = clean(TOOLS_DIR=tools)
    assert done.returncode != 0
    line, *_ = done.stderr.splitlines()
    assert line.startswith(f"clean: still running from {tools} or ")
    assert f"(pid {pid(lab)}, in {lab.folder}/storage-api)" in line
    assert lab.running("storage-api")
    assert tools.is_dir()


def test_a_lab_started_with_other_tools_is_kept(clean, tmp_path, lab):
    """Without the tools that started it, `make clean` cannot tell what is running."""
    done = clean(TOOLS_DIR=tmp_path / "others", LAB_DIR=lab.folder)
    assert done.returncode != 0
    assert done.stderr.startswith(f"clean: a lab may run in {lab.folder}, started with another TOOLS_DIR; ")
    assert lab.running("storage-api")


def test_a_tools_folder_that_held_other_files_is_kept(clean, tmp_path, tools):
    (tools / TAG).unlink()
    (tools / "thesis").touch()
    done = clean(TOOLS_DIR=tools)
    assert done.returncode != 0
    assert done.stderr.startswith(f"clean: TOOLS_DIR {tools} held other files before make wrote into it; ")
    assert (tools / "thesis").exists()


def test_other_files_in_the_lab_folder_are_kept(clean, tmp_path, tools):
    folder = tmp_path / "lab"
    for name in ("checkout", "drills", "logs", "prometheus", "receiver", "thesis"):
        (folder / name).mkdir(parents=True)
    assert clean(TOOLS_DIR=tools, LAB_DIR=folder).returncode == 0
    assert [each.name for each in folder.iterdir()] == ["thesis"]


def test_empty_variables_mean_the_default_folders(clean, checkout):
    for name in (".tools", ".lab/logs"):
        (checkout / name).mkdir(parents=True)
    done = clean(TOOLS_DIR="", LAB_DIR="")
    assert (done.returncode, done.stderr) == (0, "")
    assert {name for name in (".tools", ".lab") if (checkout / name).exists()} == set()


def test_a_folder_name_with_a_space_is_refused(clean, tmp_path):
    done = clean(TOOLS_DIR=f"{tmp_path}/my tools")
    assert done.returncode != 0
    assert "TOOLS_DIR and LAB_DIR must be folders without spaces in their names" in done.stderr
