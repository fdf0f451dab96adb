"""Commands of the lab: an interrupt at start, no network, and an unknown key in the values."""

import signal
import subprocess
import sys

import pytest

from lab import ROOT
from lab.render.chart import RenderError, render_chart

INTERRUPTED = """
import runpy, signal, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == "yaml":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv = ["lab", "status"]
runpy.run_module("lab", run_name="__main__")
"""


def test_an_interrupt_during_the_imports_prints_no_traceback():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_failed_download_of_dependencies_is_reported_in_one_line(lab, tmp_path):
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = lab("deps", **nowhere)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("tools:")]
    assert line.startswith("deps: kube-prometheus-stack-88.5.3.tgz can't be downloaded from https://")
    assert line.endswith("; if you have the package already, put it into charts/")
    assert "Error" not in line


def test_an_unknown_top_level_key_is_reported_with_its_place():
    with pytest.raises(RenderError, match="at the first level: additional properties 'storage' not allowed"):
        render_chart({"storage": {}})
