"""Checks a server's configuration with the server's own tool before anything is stopped or started."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.errors import LabError


def require_valid(command: Sequence[str], files: Mapping[str, str]) -> None:
    """Runs a checker such as promtool in a temporary folder that holds the files.

    Raises LabError with the checker's message where it refuses them.
    """
    with tempfile.TemporaryDirectory(prefix="check-") as folder:
        for path, text in files.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        message = next((line for line in lines if "FAILED" in line), lines[-1])
        raise LabError(f"{Path(command[0]).name} refuses the configuration of these values: {message}")
