"""Reads drills from their files in drills/."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from lab import ROOT
from lab.drills.faults import Fault, read_fault
from lab.errors import LabError

FOLDER = ROOT / "drills"
USUAL_REQUESTS_PER_SECOND = 24
"""Requests per second that the sample traffic sends to each service."""
_REQUIRED = {"about": str, "alert": str, "labels": dict, "fault": dict, "expected": dict, "why": str}


@dataclass(frozen=True)
class Expected:
    """The figures from which follows when the alert's expression is true."""

    bad_ratio: float | None = None
    """Burn rates: the share of requests that the fault makes bad; the rest follows from the windows."""
    requests_per_second: float = USUAL_REQUESTS_PER_SECOND
    """Burn rates: requests per second while the fault lasts."""
    begins: float | None = None
    """Other alerts: seconds from the fault until the expression is true."""
    ends: float | None = None
    """Other alerts: seconds from the end of the fault until the expression is false."""


@dataclass(frozen=True)
class Drill:
    """One file: a fault, the alert that must fire, and why it takes as long as it does."""

    name: str
    about: str
    alert: str
    labels: Mapping[str, str]
    """Labels that the alert must have, its severity and runbook among them."""
    fault: Fault
    expected: Expected
    why: str
    """The reason for the times in `expected`."""
    everyday: bool = False
    """Part of the everyday tests; the other drills run in continuous integration."""


def read_all(folder: Path = FOLDER) -> list[Drill]:
    """Every drill, ordered by name; raises LabError for a file that is not a drill."""
    return [read(path) for path in sorted(folder.glob("*.yaml"))]


def read(path: Path) -> Drill:
    """The drill of a file; raises LabError, with the file's name, if it is not one."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise LabError("must be a map")
        _known(found, {field.name for field in fields(Drill)} - {"name"}, "the drill")
        for key, kind in _REQUIRED.items():
            if not isinstance(found.get(key), kind):
                raise LabError(f"{key}: must be a {'map' if kind is dict else 'text'}")
        expected = found["expected"]
        _known(expected, {field.name for field in fields(Expected)}, "expected")
        timed = {key for key in ("bad_ratio", "begins", "ends") if key in expected}
        if timed not in ({"bad_ratio"}, {"begins", "ends"}):
            raise LabError("expected: set bad_ratio, or begins and ends")
        labels = {str(key): str(value) for key, value in found["labels"].items()}
        if missing := {"severity", "runbook", "namespace"} - labels.keys():
            raise LabError(f"labels: {', '.join(sorted(missing))} missing")
        return Drill(
            **found
            | {
                "name": path.stem,
                "labels": labels,
                "fault": read_fault(found["fault"]),
                "expected": Expected(**expected),
            }
        )
    except yaml.YAMLError as error:
        raise LabError(f"{path}: {' '.join(str(error).split())}") from error
    except LabError as error:
        raise LabError(f"{path}: {error}") from error


def choose(drills: Iterable[Drill], names: Iterable[str], alerts: Iterable[str]) -> list[Drill]:
    """The drills with these names and of these alerts; raises LabError for a name or alert that has none."""
    drills = list(drills)
    chosen = []
    for kind, wanted in (("name", set(names)), ("alert", set(alerts))):
        known = sorted({getattr(drill, kind) for drill in drills})
        if unknown := sorted(wanted - set(known)):
            raise LabError(f"no drill has the {kind} {unknown[0]}; there are {', '.join(known)}")
        chosen += [drill for drill in drills if getattr(drill, kind) in wanted and drill not in chosen]
    return chosen


def _known(found: Mapping[str, Any], allowed: set[str], where: str) -> None:
    if unknown := sorted(set(found) - allowed):
        raise LabError(f"{where}: {unknown[0]} is unknown; use {', '.join(sorted(allowed))}")
