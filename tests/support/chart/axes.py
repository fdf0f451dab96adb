"""Axes of the render matrix: Helm versions and presets (Kubernetes versions: see kube_schemas)."""

from collections.abc import Callable
from pathlib import Path

from lab import ROOT, toolchain
from lab.toolchain import checks

HELMS: dict[str, Callable[[], Path]] = {"helm4": toolchain.helm, "helm3": checks.helm3}
_SUFFIX = "-values.yaml"


def presets() -> dict[str, list[Path]]:
    """Value files of each preset: one in ci/ each, and none for `default`, the chart's default values."""
    files = sorted((ROOT / "ci").glob(f"*{_SUFFIX}"))
    return {"default": [], **{path.name.removesuffix(_SUFFIX): [path] for path in files}}
