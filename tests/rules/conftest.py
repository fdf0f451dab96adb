"""The rendered rules, as a rules file for promtool."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lab import toolchain
from lab.render.chart import render_chart
from tests.support import answers


@pytest.fixture(scope="session")
def rules(tmp_path_factory) -> Path:
    """A folder with rules.yaml, which has all groups of our PrometheusRules."""
    groups = [
        group for o in render_chart().ours if o["kind"] == "PrometheusRule" for group in o["spec"]["groups"]
    ]
    assert groups
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    return folder


@pytest.fixture(scope="session")
def own_alerts() -> dict[str, dict]:
    """The alerts of the storage API's chart and of the platform, by name."""
    found = [
        o
        for name in ("platform-storage-api", "platform-platform")
        for o in render_chart().find("PrometheusRule", name)
    ]
    rules = [rule for o in found for group in o["spec"]["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


@pytest.fixture(scope="session")
def promtool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs promtool with these arguments."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(toolchain.promtool()), *map(str, arguments)]
        return answers.run(command, capture_output=True, text=True, check=False)

    return run
