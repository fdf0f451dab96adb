"""The render matrix: each preset, for each Kubernetes version, with each Helm version."""

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


@dataclass(frozen=True)
class Column:
    """The renders of a preset with one Helm, by Kubernetes version; equal objects are the same in memory."""

    preset: str
    helm: str
    renders: dict[str, Render]

    @property
    def newest(self) -> Render:
        return list(self.renders.values())[-1]

    def objects(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (Kubernetes version, object) for each object of each render."""
        for version, render in self.renders.items():
            for each in render.objects:
                yield version, each

    def distinct(self) -> list[dict[str, Any]]:
        """Return the objects of all versions, without repeating equal ones."""
        return list({id(each): each for _, each in self.objects()}.values())


@pytest.fixture(scope="session")
def tool(missing_part):
    """Return the path of a tool that a function of lab.toolchain finds; skip the test if there is none."""

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
        # Helm 3 renders for the newest version only: its engine is the same, and Helm 4 renders for all.
        everyday = [known[0], known[-1]] if helm == "helm4" else known[-1:]
        versions = draws(everyday, known)
        renders = dict(zip(versions, pool.map(render, versions), strict=True))
    for each in renders.values():
        each.objects[:] = [seen.setdefault(json.dumps(o), o) for o in each.objects]
    return Column(preset, helm, renders)
