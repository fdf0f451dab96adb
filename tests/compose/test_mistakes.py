"""A mistake in the values or in the file of a service is reported in one line."""

import subprocess
import sys

import pytest

from lab import ROOT
from lab.errors import LabError
from lab.render.chart import RenderError
from tests.support.compose import COMPOSE
from tools.compose.files import all_files

GOOD = (COMPOSE / "services" / "checkout.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("address:", "adress:", "the keys address and slo are needed, and no others"),
        ("checkout:8000", "checkout", "address: 'checkout' is not a host and a port, such as checkout:8000"),
        ("checkout:8000", "http://checkout:8000", "address: 'http://checkout:8000' is not a host and a port"),
        ("    checkout:\n", "    a: {}\n    checkout:\n", "slo.services: exactly one service is needed"),
        ("{port: http}", "{port: http", "expected ',' or '}'"),
        ("{port: http}", "{kind: PodMonitor, port: http}", "slo.services.checkout.scrape.kind: only Service"),
        ("flask-exporter", "flask-exporters", "flask-exporters"),
    ],
)
def test_a_mistake_is_named(old, new, message, tmp_path):
    (tmp_path / "services").mkdir()
    (tmp_path / "values.yaml").write_text("{}")
    (tmp_path / "services" / "mine.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises((LabError, RenderError)) as error:
        all_files(tmp_path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_value_that_would_be_ignored_is_refused(tmp_path):
    (tmp_path / "values.yaml").write_text(
        "kube-prometheus-stack: {prometheus: {prometheusSpec: {remoteWrite: [{url: https://example.com/}]}}}"
    )
    with pytest.raises(LabError, match=r"values.yaml: prometheusSpec.remoteWrite is set"):
        all_files(tmp_path)


def test_the_command_reports_a_mistake_in_one_line_and_writes_nothing(tmp_path):
    program = """
import sys
from pathlib import Path
from lab.errors import LabError
from tools import generated_files

def make():
    raise LabError("services/mine.yaml: slo.services: exactly one service is needed")

sys.exit(generated_files.main("tools.compose", make, [Path(sys.argv.pop())]))
"""
    (tmp_path / "kept").write_text("kept")
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "tools.compose: services/mine.yaml: slo.services: exactly one service is needed\n"
    assert (tmp_path / "kept").read_text() == "kept"
