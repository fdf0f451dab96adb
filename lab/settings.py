"""What the lab reads from its environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import ROOT
from lab.errors import LabError
from lab.ports import Ports


@dataclass(frozen=True)
class Settings:
    folder: Path
    """LAB_DIR, where logs, data and generated configuration lie; relative to the repository."""
    value_files: tuple[Path, ...]
    """VALUES, after the lab's own."""
    ports: Ports

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises LabError."""
        ports = {
            name: _port(environment, variable, default) for name, (variable, default) in Ports.KNOWN.items()
        }
        return cls(
            ROOT / (environment.get("LAB_DIR") or ".lab"),
            tuple(Path(path) for path in environment.get("VALUES", "").split()),
            Ports(**ports),
        )


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable) or str(default)
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise LabError(f"{variable}={text!r}: a port is a number from 1 to 65535")
    return int(text)
