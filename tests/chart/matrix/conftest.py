"""Every preset rendered for every Kubernetes version by every Helm."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.render.chart import Render, render_chart
from lab.toolchain import ToolError
from tests.support.chart.axes import HELMS, presets
from tests.support.chart.kube_schemas import kubernetes_versions


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what the chart renders now into tests/chart/matrix/golden instead of comparing",
    )


@dataclass(frozen=True)
class Column:
    """A preset as one Helm renders it, by Kubernetes version; equal objects are one object in memory."""

    preset: str
    helm: str
    renders: dict[str, Render]

    @property
    def newest(self) -> Render:
        return list(self.renders.values())[-1]

    def objects(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each version with each of its objects."""
        for version, render in self.renders.items():
            for each in render.objects:
                yield version, each

    def distinct(self) -> list[dict[str, Any]]:
        """The objects of all versions, equal ones once."""
        return list({id(each): each for _, each in self.objects()}.values())


@pytest.fixture(scope="session")
def tool(missing_part):
    """Returns the path that a function of lab.tools finds, or ends the test where there is none."""

    def find(function: Callable[[], Path]) -> Path:
        try:
            return function()
        except ToolError as error:
            missing_part(str(error))

    return find


@pytest.fixture(scope="session", params=[(p, h) for p in presets() for h in HELMS], ids="-".join)
def column(request, tool, draws) -> Column:
    preset, helm = request.param
    path = tool(HELMS[helm])
    seen: dict[str, dict[str, Any]] = {}

    def render(version: str) -> Render:
        return render_chart(value_files=presets()[preset], kubernetes_version=version, helm=path)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        known = kubernetes_versions()
        # Of Helm 3 the newest alone: it is the same engine, and every version is rendered by Helm 4.
        everyday = [known[0], known[-1]] if helm == "helm4" else known[-1:]
        versions = draws(everyday, known)
        renders = dict(zip(versions, pool.map(render, versions), strict=True))
    for each in renders.values():
        each.objects[:] = [seen.setdefault(json.dumps(o), o) for o in each.objects]
    return Column(preset, helm, renders)
