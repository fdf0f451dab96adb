"""Commands of the lab: interrupted while they load, without a network, with a wrong key."""

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


def test_an_interrupt_while_it_loads_is_no_traceback():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_dependencies_that_can_not_be_downloaded_are_one_line(lab, tmp_path):
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = lab("deps", **nowhere)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("tools:")]
    assert line.startswith("deps: kube-prometheus-stack-88.5.3.tgz can't be downloaded from https://")
    assert line.endswith("; if you have the package already, put it into charts/")
    assert "Error" not in line


def test_a_key_of_the_first_level_has_a_place():
    with pytest.raises(RenderError, match="at the first level: additional properties 'storage' not allowed"):
        render_chart({"storage": {}})
