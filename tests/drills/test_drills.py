"""Drills in a real lab: the alerts arrive with labels and links, in time, and nothing is left afterwards."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from lab import ROOT
from lab.drills.drill import read_all
from lab.drills.run import run_all
from tests.support.draws import sample
from tests.support.waiting import wait_until

pytestmark = pytest.mark.live

ALL_SECONDS = 280


def nothing_runs(folder) -> bool:
    """Tell if no process works in the folder."""
    return not any((each.info["cwd"] or "").startswith(str(folder)) for each in psutil.process_iter(["cwd"]))


@pytest.mark.timeout(ALL_SECONDS + 60)
def test_drills_pass_and_a_fault_without_effect_fails(tmp_path, draws):
    """Every drill with THOROUGH=1, else two; and one whose fault is too small for its alert."""
    drills = read_all()
    (hangs,) = (each for each in drills if each.name == "storage-api-hangs")
    harmless = replace(hangs.fault, signal="", faults={"error_ratio": 0.0001})
    small = replace(hangs, name="small", fault=harmless)
    chosen = draws([each for each in drills if each.everyday], drills)
    assert len(chosen) > 1
    results = run_all([*chosen, small], tmp_path, lambda result: None)
    failures = {result.drill.name: result.failures for result in results if result.failures}
    assert failures == {"small": ["not delivered within 12.5 s"]}
    for result in results:
        if result.drill is not small:
            assert result.delivered and result.firing and result.resolved is not None
    assert nothing_runs(tmp_path)


@pytest.mark.parametrize("name", sample([signal.SIGTERM, signal.SIGINT], every=2), ids=lambda each: each.name)
def test_an_interrupted_drill_ends_its_fault_and_its_lab(tmp_path, name):
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "drills", "--name", "storage-api-folder-gone"],
        cwd=ROOT,
        env=os.environ | {"LAB_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    part = tmp_path / "drills" / "storage-api"
    wait_until((part / "objects.away").is_dir, 90, "the fault is on")
    process.send_signal(name)
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output.splitlines()[-1]) == (130, "drills: interrupted")
    assert (part / "objects").is_dir()
    assert not (part / "objects.away").exists()
    assert nothing_runs(tmp_path)


def test_make_drill_without_a_name_says_what_there_is():
    done = subprocess.run(
        [sys.executable, "-m", "lab", "drills"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("drills: set NAME or ALERT; names are checkout-errors, ")
