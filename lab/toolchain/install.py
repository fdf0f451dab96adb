"""Finds a tool on PATH or in the tools folder, or installs it in the first way that works."""

import contextlib
import fcntl
import functools
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.folders import tools_folder

Version = tuple[int, ...]


class ToolError(Exception):
    """A tool is unavailable; the message is one line that names every way tried."""


class WayError(Exception):
    """One way to install a tool failed; the message says why in a few words."""


@dataclass(frozen=True)
class Way:
    """One way to install a family: `install` puts its programs into an empty folder or raises WayError."""

    name: str
    install: Callable[[Path], None]


@dataclass(frozen=True)
class Family:
    """Programs that are installed together, at one pinned version."""

    name: str
    version: str
    programs: tuple[str, ...]
    version_arguments: tuple[str, ...]
    """Arguments that make a program print its version."""
    accepts: Callable[[Version], bool]
    """Returns True if a version found on PATH may be used."""
    wants: str
    """The accepted versions in words, such as `4.1 or newer`."""
    ways: tuple[Way, ...]

    @property
    def folder(self) -> Path:
        return tools_folder() / f"{self.name}-{self.version}"


def say(message: str) -> None:
    """Prints a progress message on stderr; stdout is for a command's result."""
    print(f"tools: {message}", file=sys.stderr, flush=True)


@functools.cache
def resolve(family: Family, program: str) -> Path:
    """The program's path: on PATH if the version is accepted, else the pinned one in the tools folder.

    Raises ToolError.
    """
    if found := _on_path(family, program):
        return found
    path = family.folder / program
    if not path.is_file():
        _install(family)
    return path


def is_there(family: Family, program: str) -> bool:
    """True if the program need not be installed."""
    return (family.folder / program).is_file() or _on_path(family, program) is not None


def _on_path(family: Family, program: str) -> Path | None:
    found = shutil.which(program)
    if found is None:
        return None
    try:
        version = version_of(Path(found), family.version_arguments)
    except WayError as error:
        say(f"{found} is not used: {error}")
        return None
    if not family.accepts(version):
        say(f"{found} is {'.'.join(map(str, version))}, not used: {family.wants} is needed")
        return None
    return Path(found)


def version_of(program: Path, arguments: Sequence[str]) -> Version:
    """The first version number the program prints; raises WayError."""
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, errors="replace", timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WayError(f"it does not run: {error}") from error
    match = re.search(r"\b(?:v|go)?(\d+)\.(\d+)\.(\d+)", done.stdout + done.stderr)
    if done.returncode != 0 or match is None:
        raise WayError("it does not print its version")
    return tuple(int(part) for part in match.groups())


def _install(family: Family) -> None:
    title = f"{family.name} {family.version}"
    folder = tools_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock(folder / f".{family.name}.lock", title):
            if family.folder.is_dir():  # another process was faster
                return
            failures = []
            for way in family.ways:
                say(f"{title}: {way.name} ...")
                with tempfile.TemporaryDirectory(prefix=f".{family.name}-", dir=folder) as temporary:
                    target = Path(temporary) / "programs"
                    target.mkdir()
                    try:
                        way.install(target)
                        _check(family, target)
                    except WayError as error:
                        say(f"{title}: {way.name}: {error}")
                        failures.append(f"{way.name}: {error}")
                        continue
                    target.rename(family.folder)
                say(f"{title}: installed into {family.folder}")
                return
    except OSError as error:
        raise ToolError(
            f"the tools folder {folder} can't be used: {error.strerror} (TOOLS_DIR changes it)"
        ) from error
    raise ToolError(
        f"{title} is not available; put {' and '.join(family.programs)} ({family.wants}) on PATH. "
        f"Tried: {'; '.join(failures)}"
    )


def _check(family: Family, folder: Path) -> None:
    for program in family.programs:
        version = ".".join(map(str, version_of(folder / program, family.version_arguments)))
        if version != family.version:
            raise WayError(f"it installed {program} {version}")


@contextlib.contextmanager
def lock(path: Path, title: str) -> Iterator[None]:
    """Held while one process installs; others wait, and then find the result."""
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{title}: another process is installing it, waiting ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
