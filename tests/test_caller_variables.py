"""The caller's environment variables do not reach the tests, so nothing that is exported changes a result."""

import os
import re
import subprocess
import sys

import pytest

from lab import ROOT
from storage_api.config import SETTINGS

PASSED_ON = {"TOOLS_DIR", "CACHE_DIR", "THOROUGH"}
DOCUMENTED = set(re.findall(r"^#: ([A-Z0-9_]+)", (ROOT / "Makefile").read_text(), re.MULTILINE)) - PASSED_ON
LIBRARIES = {"AWS_ACCESS_KEY_ID", "OTEL_TRACES_EXPORTER", "PROMETHEUS_DISABLE_CREATED_SERIES", "COLUMNS"}
OURS = DOCUMENTED | LIBRARIES | {each.variable for each in SETTINGS}


@pytest.mark.parametrize("name", sorted(OURS | {"MAKEFLAGS"}))
def test_a_variable_of_the_caller_does_not_reach_the_tests(name):
    assert name not in os.environ


def test_the_suite_passes_whatever_the_caller_has_exported(draws):
    """With METRICS_PORT, the service of test_wiring.py would serve its metrics on that port."""
    inner = ["tests/test_caller_variables.py", *draws((), ("tests/chart/render/test_wiring.py",))]
    chosen = "variable_of_the_caller or path_answers"
    command = [sys.executable, "-m", "pytest", "--quiet", "-k", chosen, *inner]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | dict.fromkeys(OURS, "19797"),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout
