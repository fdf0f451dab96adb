"""The lab's settings: read from the environment, and remembered while any of its processes runs."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import ROOT
from lab.errors import LabError
from lab.folders import using
from lab.ports import Ports
from lab.processes import Processes

# Variables whose empty value means "none"; an empty port means its default.
_MAY_BE_EMPTY = ("VALUES", "GRAFANA_HOME")


@dataclass(frozen=True)
class Settings:
    folder: Path
    """LAB_DIR, for logs, data and generated configuration; a relative path starts at the repository."""
    value_files: tuple[Path, ...]
    """VALUES, which override the lab's own values."""
    ports: Ports
    grafana_home: str
    kept: Mapping[str, str]
    """Variables remembered from the last `make up`, because the caller has not set them now."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Reads the settings; raises LabError for a value that is not allowed."""
        folder = ROOT / (environment.get("LAB_DIR") or ".lab")
        given = {name: value for name, value in environment.items() if value or name in _MAY_BE_EMPTY}
        kept = {name: value for name, value in _remembered(folder).items() if name not in given}
        values = kept | given
        ports = {name: _port(values, variable, default) for name, (variable, default) in Ports.KNOWN.items()}
        return cls(
            folder,
            tuple(Path(path).absolute() for path in values.get("VALUES", "").split()),
            Ports(**ports),
            values.get("GRAFANA_HOME", ""),
            kept,
        )

    def remember(self) -> None:
        """Saves settings that are not defaults, for later calls while anything runs; raises LabError."""
        ports = {
            variable: str(getattr(self.ports, name))
            for name, (variable, default) in Ports.KNOWN.items()
            if getattr(self.ports, name) != default
        }
        values = {"VALUES": " ".join(map(str, self.value_files)), "GRAFANA_HOME": self.grafana_home}
        kept = ports | {name: value for name, value in values.items() if value}
        with using(self.folder):
            _file(self.folder).write_text(json.dumps(kept, indent=2), encoding="utf-8")


def _remembered(folder: Path) -> dict[str, str]:
    if not Processes(folder).all():
        return {}
    try:
        return json.loads(_file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing or incomplete: nothing is remembered
        return {}


def _file(folder: Path) -> Path:
    return folder / "settings.json"


def _port(values: Mapping[str, str], variable: str, default: int) -> int:
    text = values.get(variable) or str(default)
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise LabError(f"{variable}={text!r}: a port is a number from 1 to 65535")
    return int(text)
