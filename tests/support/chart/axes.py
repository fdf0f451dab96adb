"""What the chart is rendered for and by; the versions of Kubernetes are those with schemas (kube_schemas)."""

from collections.abc import Callable
from pathlib import Path

from lab import ROOT, toolchain
from lab.toolchain import checks

HELMS: dict[str, Callable[[], Path]] = {"helm4": toolchain.helm, "helm3": checks.helm3}
_SUFFIX = "-values.yaml"


def presets() -> dict[str, list[Path]]:
    """The value files of each environment: those of ci/, and `default`, which has none."""
    files = sorted((ROOT / "ci").glob(f"*{_SUFFIX}"))
    return {"default": [], **{path.name.removesuffix(_SUFFIX): [path] for path in files}}
