"""Axes of the render matrix: Helm versions and presets (Kubernetes versions: see kube_schemas)."""

from collections.abc import Callable
from pathlib import Path

from lab import toolchain
from lab.toolchain import checks
from tools.manifests import presets

__all__ = ["HELMS", "presets"]

HELMS: dict[str, Callable[[], Path]] = {"helm4": toolchain.helm, "helm3": checks.helm3}
