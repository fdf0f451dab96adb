"""The built page of the dashboards' preview: made by npm once per content, kept in the tools folder."""

import contextlib
import fcntl
import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab import ROOT
from lab.digest import digest
from lab.errors import LabError
from lab.folders import tools_folder
from lab.progress import progress
from lab.toolchain import node
from lab.toolchain.install import say

SOURCE = ROOT / "preview"
BUILD_SECONDS = 900
PROBE_SECONDS = 20
# Inputs of the build; a change to any of them means a new build.
_INPUTS = (
    ".npmrc",
    "index.html",
    "package.json",
    "package-lock.json",
    "src",
    "tsconfig.json",
    "vite.config.ts",
)


def built() -> bool:
    """True if the page has been built from the present sources."""
    return (_cache() / _digest()).is_dir()


def build() -> Path:
    """The folder of the built page; builds it if the sources are new. Raises LabError and ToolError."""
    cache = _cache()
    bundle = cache / _digest()
    if built():
        return bundle
    with _lock("build"), tempfile.TemporaryDirectory(prefix=".build-", dir=cache) as temporary:
        if bundle.is_dir():  # another process was faster
            return bundle
        out = Path(temporary) / "bundle"
        npm("run", "build", "--silent", "--", f"--outDir={out}")
        out.rename(bundle)
    return bundle


def npm(*arguments: str) -> str:
    """Runs npm in `preview/`, with its packages installed, and returns its output.

    Raises LabError and ToolError.
    """
    command, environment = node.npm()
    locked = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
    stamp = SOURCE / "node_modules" / ".lock-sha256"
    with _lock("packages"):
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != locked:
            _require_registry(command, environment)
            say("preview: installing its packages (about a minute, once) ...")
            with progress(say, _packages):
                _run([*command, "ci", "--ignore-scripts", "--loglevel=error"], environment)
            stamp.write_text(locked, encoding="utf-8")
    what = f"preview: npm {' '.join(arguments[:2])} ..."
    say(what)
    with progress(say, lambda: what):
        return _run([*command, *arguments], environment)


def _packages() -> str:
    """Progress message: how many packages of the lock file npm has unpacked so far."""
    names = json.loads((SOURCE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    done = sum((SOURCE / name / "package.json").is_file() for name in names if name)
    return f"preview: {done} of at most {len(names) - 1} packages installed"


def _require_registry(command: list[str], environment: dict[str, str]) -> None:
    """Raises LabError soon if no registry answers: npm itself would retry each package for minutes."""
    try:
        _run([*command, "view", "react", "version", "--fetch-retries=0"], environment, PROBE_SECONDS)
    except LabError as error:
        raise LabError("the preview can't be built: npm reaches no package registry") from error


def _digest() -> str:
    paths = [SOURCE / name for name in _INPUTS]
    return digest(SOURCE, (file for path in paths for file in (path, *path.rglob("*"))))[:16]


def _run(command: list[str], environment: dict[str, str], seconds: int = BUILD_SECONDS) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=SOURCE,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"the preview can't be built: npm did not finish within {seconds} s") from error
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or ["npm printed nothing"]
        raise LabError(f"the preview can't be built: {'; '.join(errors[:3])}")
    return done.stdout


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    """Held by one process at a time, as two would write the same files."""
    with (_cache() / f"{name}.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _cache() -> Path:
    cache = tools_folder() / "preview"
    cache.mkdir(parents=True, exist_ok=True)
    return cache
