"""The rendered rules as the file that promtool and Prometheus read."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lab import toolchain
from lab.render.chart import render_chart


@pytest.fixture(scope="session")
def rules(tmp_path_factory) -> Path:
    """A folder with rules.yaml: every group of our PrometheusRules."""
    groups = [
        group for o in render_chart().ours if o["kind"] == "PrometheusRule" for group in o["spec"]["groups"]
    ]
    assert groups
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    return folder


@pytest.fixture(scope="session")
def promtool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs promtool with the given arguments and returns what it said."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(toolchain.promtool()), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run
