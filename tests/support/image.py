"""`python -m lab.image`: the service's image as an archive that clusters and container engines load.

The first way that works: docker, podman or buildah on the Dockerfile; else an image made here, from the same
sources, the same hashed requirements and the Dockerfile's own settings, around this machine's Python
(Linux only, and for this machine's processor: good for a test cluster, nothing to publish).
"""

import argparse
import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from platform import libc_ver
from string import Template

import requests
import yaml

from lab import ROOT
from lab.toolchain import wheels
from lab.toolchain.install import WayError
from lab.toolchain.machine import platform

DOCKERFILE = ROOT / "Dockerfile"
LIBRARIES = "usr/local/lib"
BUILD_SECONDS = 900

# Of the standard library, what a server has no use for.
_LEFT_OUT = ("site-packages", "dist-packages", "__pycache__", "config-*", "ensurepip", "idlelib", "lib2to3",
             "test", "tests", "_test*", "tkinter", "_tkinter*", "turtledemo")  # fmt: skip


class ImageError(Exception):
    """No way to build the image worked; the message is one line that names each."""


def default_name() -> str:
    """What the chart runs with its default values: repository and the chart's appVersion."""
    values = yaml.safe_load((ROOT / "charts/storage-api/values.yaml").read_text(encoding="utf-8"))
    chart = yaml.safe_load((ROOT / "charts/storage-api/Chart.yaml").read_text(encoding="utf-8"))
    return f"{values['image']['repository']}:{chart['appVersion']}"


def build(archive: Path, name: str, builder: str = "auto") -> str:
    """Writes the image, called `name`, as a docker-archive; returns the builder that did it.

    `builder` is one of BUILDERS, or `auto` for the first that works; why one does not is said on stderr.
    Raises ImageError.
    """
    failures = []
    for candidate in BUILDERS if builder == "auto" else [builder]:
        archive.unlink(missing_ok=True)
        try:
            BUILDERS[candidate](archive, name)
        except WayError as error:
            failures.append(f"{candidate}: {error}")
            print(f"image: not by {candidate}: {error}", file=sys.stderr)
        else:
            return candidate
    raise ImageError("the image can't be built by " + "; nor by ".join(failures))


def _docker(archive: Path, name: str) -> None:
    _run(["docker", "version"])  # the client alone builds nothing
    _run(["docker", "build", "--tag", name, str(ROOT)])
    _run(["docker", "save", "--output", str(archive), name])


def _podman(archive: Path, name: str) -> None:
    # With a registry's name, or podman would put its own localhost/ in front.
    full = _with_registry(name)
    _run(["podman", "build", "--format", "docker", "--tag", full, str(ROOT)])
    _run(["podman", "save", "--format", "docker-archive", "--output", str(archive), full])


def _buildah(archive: Path, name: str) -> None:
    full = _with_registry(name)
    _run(["buildah", "build", "--format", "docker", "--tag", full, str(ROOT)])
    _run(["buildah", "push", full, f"docker-archive:{archive}:{full}"])


def _with_registry(name: str) -> str:
    """The name as a container runtime completes it: without a registry it means the default one."""
    first, _, rest = name.partition("/")
    return name if rest and re.search(r"[.:]|^localhost$", first) else f"docker.io/{name}"


def _run(command: list[str]) -> None:
    if not shutil.which(command[0]):
        raise WayError("it is not there")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise WayError(f"{shlex.join(command[:2])} took longer than {BUILD_SECONDS} s") from None
    if done.returncode != 0:
        raise WayError((done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1])


def _python(archive: Path, name: str) -> None:
    if not platform().startswith("linux-"):
        raise WayError(f"this machine's Python is for {platform()}, a container's is for Linux")
    if libc_ver()[0] != "glibc":
        raise WayError("this machine's C library is not glibc")
    with tempfile.TemporaryDirectory(prefix="image-") as temporary:
        root = Path(temporary)
        home = _copy_interpreter(root)
        wheels.install(ROOT / "service/requirements-traces.txt", root / "app")
        shutil.rmtree(root / "app/bin", ignore_errors=True)  # scripts that name this machine's Python
        shutil.copytree(
            ROOT / "service/storage_api",
            root / "app/storage_api",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        _compile(home, root / "app")
        _copy_libraries(root)
        for folder in ("data", "tmp", "etc/ssl/certs"):
            (root / folder).mkdir(parents=True)
        # Where TLS clients look for the authorities they trust.
        shutil.copy2(requests.certs.where(), root / "etc/ssl/certs/ca-certificates.crt")
        (root / "etc/passwd").write_text("root:x:0:0::/:/\nnonroot:x:65532:65532::/:/\n")
        _write_archive(archive, name, root)


def _copy_interpreter(root: Path) -> Path:
    """This interpreter and its standard library below usr/local, where it finds its home by itself."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    binary = root / "usr/local/bin" / version
    binary.parent.mkdir(parents=True)
    shutil.copy2(Path(sys._base_executable).resolve(), binary)
    (binary.parent / "python").symlink_to(version)
    library = root / "usr/local/lib" / version
    shutil.copytree(
        sysconfig.get_path("stdlib", vars=_base()), library, ignore=shutil.ignore_patterns(*_LEFT_OUT)
    )
    return library


def _base() -> dict[str, str]:
    """The paths of the interpreter itself, also when this is a virtual environment."""
    return {"base": sys.base_prefix, "installed_base": sys.base_prefix, "platbase": sys.base_exec_prefix}


def _compile(*folders: Path) -> None:
    # As the Dockerfile does: a read-only root can't cache bytecode later.
    options = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    for folder in folders:
        _run([sys.executable, "-m", "compileall", *options, "-s", str(folder), str(folder)])


def _copy_libraries(root: Path) -> None:
    """The loader to its own path, and every shared library that anything in the image asks for."""
    found: dict[str, Path] = {}
    programs = [*root.glob("usr/local/bin/python3*"), *root.rglob("*.so")]
    for program in programs:
        done = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=30, check=False)
        if missing := re.findall(r"(\S+) => not found", done.stdout):
            if program.parent.name == "lib-dynload":  # a module that does not work on this machine either
                program.unlink()
                continue
            raise WayError(f"{program.name} needs {missing[0]}, which this machine lacks")
        found |= {name: Path(path) for name, path in re.findall(r"(\S+) => (/\S+)", done.stdout)}
        for loader in re.findall(r"^\s*(/\S+/ld-\S+)", done.stdout, re.MULTILINE):
            target = root / loader.lstrip("/")
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(loader).resolve(), target)
    # Loaded by name when a thread ends, so that nothing lists it.
    found |= {p.name: p for p in (found["libc.so.6"].parent / "libgcc_s.so.1",) if p.exists()}
    for name, path in found.items():
        shutil.copy2(path.resolve(), root / LIBRARIES / name)


def _write_archive(archive: Path, name: str, root: Path) -> None:
    """One layer, times and owners fixed: the same files give the same image."""
    with tempfile.TemporaryDirectory(prefix="archive-") as temporary:
        folder = Path(temporary)
        with tarfile.open(folder / "layer.tar", "w") as tar:
            for path in sorted(root.rglob("*")):
                tar.add(path, path.relative_to(root), recursive=False, filter=_plain)
        digest = hashlib.sha256((folder / "layer.tar").read_bytes()).hexdigest()
        system, architecture = platform().split("-")
        config = {
            "os": system,
            "architecture": architecture,
            "config": dockerfile_settings(),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
        manifest = [{"Config": "config.json", "RepoTags": [_with_registry(name)], "Layers": ["layer.tar"]}]
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "manifest.json").write_text(json.dumps(manifest))
        with tarfile.open(archive, "w") as tar:
            for file in ("manifest.json", "config.json", "layer.tar"):
                tar.add(folder / file, file, filter=_plain)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = 0
    entry.uid = entry.gid = 65532 if entry.name == "data" else 0
    entry.uname = entry.gname = ""
    executable = entry.isdir() or entry.mode & 0o100
    entry.mode = 0o1777 if entry.name == "tmp" else 0o755 if executable else 0o644
    return entry


def dockerfile_settings() -> dict[str, object]:
    """The image's settings as the last stage of the Dockerfile gives them, in the words of an image's config.

    The libraries' folder is added to the environment: the loader of this machine may not look there.
    """
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    stage = re.split(r"^FROM ", text, flags=re.MULTILINE)[-1]
    said = re.findall(r"^([A-Z]+) +(.+)$", stage, re.MULTILINE)
    arguments = dict(value.split("=", 1) for name, value in said if name == "ARG")

    def last(instruction: str) -> str:
        return [value for name, value in said if name == instruction][-1]

    return {
        "Env": [
            "PATH=/usr/local/bin",
            f"LD_LIBRARY_PATH=/{LIBRARIES}",
            *(pair for name, value in said if name == "ENV" for pair in shlex.split(value)),
        ],
        "User": last("USER"),
        "WorkingDir": last("WORKDIR"),
        "Volumes": {path: {} for path in json.loads(last("VOLUME"))},
        "ExposedPorts": {f"{last('EXPOSE')}/tcp": {}},
        "Labels": {
            name: Template(value).substitute(arguments)
            for name, value in (pair.split("=", 1) for pair in shlex.split(last("LABEL")))
        },
        "Healthcheck": _healthcheck(last("HEALTHCHECK")),
        "StopSignal": last("STOPSIGNAL"),
        "Entrypoint": json.loads(last("ENTRYPOINT")),
    }


def _healthcheck(instruction: str) -> dict[str, object]:
    """A health check in the words of an image's config, where times are in nanoseconds."""
    options, command = instruction.split("CMD", 1)
    seconds = dict(re.findall(r"--([a-z-]+)=(\d+)s", options))
    times = {name.title().replace("-", ""): int(value) * 10**9 for name, value in seconds.items()}
    return {"Test": ["CMD", *json.loads(command)], **times}


BUILDERS: dict[str, Callable[[Path, str], None]] = {
    "docker": _docker,
    "podman": _podman,
    "buildah": _buildah,
    "python": _python,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m lab.image", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    parser.add_argument("archive", type=Path, help="the file to write")
    parser.add_argument("--name", default=default_name(), help="the image's name and tag (%(default)s)")
    parser.add_argument("--builder", choices=("auto", *BUILDERS), default="auto")
    options = parser.parse_args()
    try:
        builder = build(options.archive, options.name, options.builder)
    except ImageError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    print(f"image: {options.name} in {options.archive}, built by {builder}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
