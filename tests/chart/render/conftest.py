"""Renders of the chart, each made once per test run."""

import functools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.render.chart import Render, render_chart, stage_chart
from lab.render.helm import run_helm


@functools.cache
def _rendered(values: str, options: str) -> Render:
    return render_chart(json.loads(values), **json.loads(options))


@pytest.fixture(scope="session")
def rendered() -> Callable[..., Render]:
    """Return a function like render_chart that caches its results; they must not be changed."""

    def render(values: dict[str, Any] | None = None, **options: Any) -> Render:
        return _rendered(json.dumps(values or {}, sort_keys=True), json.dumps(options, sort_keys=True))

    return render


@pytest.fixture(scope="session")
def default(rendered) -> Render:
    """The render without any values."""
    return rendered()


@pytest.fixture(scope="session")
def staged(tmp_path_factory) -> Path:
    """A read-only copy of the chart's files; a stand-in replaces the dependency if it is missing."""
    return stage_chart(tmp_path_factory.mktemp("chart"))


@pytest.fixture(scope="session")
def helm() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs helm with these arguments, and with `given` on its standard input."""
    return run_helm
