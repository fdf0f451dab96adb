"""The programs that the lab runs, found on PATH or installed at first use into TOOLS_DIR (`.tools`).

Each function returns an executable's path, or raises ToolError with every source that was tried.
"""

from pathlib import Path

from lab.toolchain.install import ToolError, resolve
from lab.toolchain.kubernetes import HELM, KUBECTL
from lab.toolchain.monitoring import ALERTMANAGER, PROMETHEUS

__all__ = [
    "PROGRAMS",
    "ToolError",
    "alertmanager",
    "amtool",
    "find",
    "helm",
    "kubectl",
    "prometheus",
    "promtool",
]

PROGRAMS = {
    program: family for family in (HELM, KUBECTL, PROMETHEUS, ALERTMANAGER) for program in family.programs
}


def find(program: str) -> Path:
    """The path of one of PROGRAMS; raises ToolError."""
    return resolve(PROGRAMS[program], program)


def helm() -> Path:
    return find("helm")


def kubectl() -> Path:
    return find("kubectl")


def prometheus() -> Path:
    return find("prometheus")


def promtool() -> Path:
    return find("promtool")


def alertmanager() -> Path:
    return find("alertmanager")


def amtool() -> Path:
    return find("amtool")
