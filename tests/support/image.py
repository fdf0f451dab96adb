"""Build the service's image as an archive that clusters and container engines can load.

Uses the first builder that works: docker, podman or buildah build the Dockerfile; otherwise the image is
assembled here from the same sources, the same hashed requirements and the Dockerfile's settings, around this
machine's Python. Such an image needs Linux and this machine's processor: good for a test, not for publishing.

    python -m tests.support.image image.tar
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

# Parts of the standard library that a server does not need.
_LEFT_OUT = ("site-packages", "dist-packages", "__pycache__", "config-*", "ensurepip", "idlelib", "lib2to3",
             "test", "tests", "_test*", "tkinter", "_tkinter*", "turtledemo")  # fmt: skip


class ImageError(Exception):
    """No builder worked; the message is one line with the reason for each."""


def default_name() -> str:
    """Image that the chart uses by default: the repository from its values, tagged with its appVersion."""
    values = yaml.safe_load((ROOT / "charts/storage-api/values.yaml").read_text(encoding="utf-8"))
    chart = yaml.safe_load((ROOT / "charts/storage-api/Chart.yaml").read_text(encoding="utf-8"))
    return f"{values['image']['repository']}:{chart['appVersion']}"


def build(archive: Path, name: str, builder: str = "auto") -> str:
    """Write the image, called `name`, as a docker-archive; returns the name of the builder used.

    `builder` is one of BUILDERS, or `auto` for the first that works; stderr then says why others did not.
    Raises ImageError.
    """
    failures = []
    for candidate in BUILDERS if builder == "auto" else [builder]:
        archive.unlink(missing_ok=True)
        try:
            BUILDERS[candidate](archive, name)
        except WayError as error:
            failures.append(f"{candidate}: {error}")
            print(f"image: {candidate} does not work here: {error}", file=sys.stderr)
        else:
            return candidate
    raise ImageError("no builder works here: " + "; ".join(failures))


def _docker(archive: Path, name: str) -> None:
    _run(["docker", "version"])  # fails early if the daemon is not reachable
    _run(["docker", "build", "--tag", name, str(ROOT)])
    _run(["docker", "save", "--output", str(archive), name])


def _podman(archive: Path, name: str) -> None:
    # Without a registry in the name, podman would prefix it with localhost/.
    full = _with_registry(name)
    _run(["podman", "build", "--format", "docker", "--tag", full, str(ROOT)])
    _run(["podman", "save", "--format", "docker-archive", "--output", str(archive), full])


def _buildah(archive: Path, name: str) -> None:
    full = _with_registry(name)
    _run(["buildah", "build", "--format", "docker", "--tag", full, str(ROOT)])
    _run(["buildah", "push", full, f"docker-archive:{archive}:{full}"])


def _with_registry(name: str) -> str:
    """The image name as a container runtime completes it: with the default registry if it has none."""
    first, _, rest = name.partition("/")
    return name if rest and re.search(r"[.:]|^localhost$", first) else f"docker.io/{name}"


def _run(command: list[str]) -> None:
    if not shutil.which(command[0]):
        raise WayError("not installed")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise WayError(f"{shlex.join(command[:2])} took longer than {BUILD_SECONDS} s") from None
    if done.returncode != 0:
        raise WayError(
            (done.stderr.strip() or done.stdout.strip() or "it failed without a message").splitlines()[-1]
        )


def _python(archive: Path, name: str) -> None:
    if not platform().startswith("linux-"):
        raise WayError(f"this machine's Python is for {platform()}, but containers need Linux")
    if libc_ver()[0] != "glibc":
        raise WayError("this machine's C library is not glibc")
    with tempfile.TemporaryDirectory(prefix="image-") as temporary:
        root = Path(temporary)
        home = _copy_interpreter(root)
        wheels.install(ROOT / "service/requirements-traces.txt", root / "app")
        shutil.rmtree(root / "app/bin", ignore_errors=True)  # scripts with the path of this machine's Python
        shutil.copytree(
            ROOT / "service/storage_api",
            root / "app/storage_api",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        _compile(home, root / "app")
        _copy_libraries(root)
        for folder in ("data", "tmp", "etc/ssl/certs"):
            (root / folder).mkdir(parents=True)
        # The default place of trusted CA certificates.
        shutil.copy2(requests.certs.where(), root / "etc/ssl/certs/ca-certificates.crt")
        (root / "etc/passwd").write_text("root:x:0:0::/:/\nnonroot:x:65532:65532::/:/\n")
        write_archive(archive, name, root)


def _copy_interpreter(root: Path) -> Path:
    """Copy this interpreter and its standard library to usr/local, where Python finds its library by itself.

    Returns the folder of the standard library.
    """
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
    """Base paths of the interpreter itself, even inside a virtual environment."""
    return {"base": sys.base_prefix, "installed_base": sys.base_prefix, "platbase": sys.base_exec_prefix}


def _compile(*folders: Path) -> None:
    # As in the Dockerfile: a read-only root cannot cache bytecode later.
    options = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    for folder in folders:
        _run([sys.executable, "-m", "compileall", *options, "-s", str(folder), str(folder)])


def _copy_libraries(root: Path) -> None:
    """Copy every shared library that the image's programs link to, and the dynamic loader to its own path."""
    found: dict[str, Path] = {}
    programs = [*root.glob("usr/local/bin/python3*"), *root.rglob("*.so")]
    for program in programs:
        done = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=30, check=False)
        if missing := re.findall(r"(\S+) => not found", done.stdout):
            if program.parent.name == "lib-dynload":  # broken on this machine too
                program.unlink()
                continue
            raise WayError(f"{program.name} needs {missing[0]}, which is not on this machine")
        found |= {name: Path(path) for name, path in re.findall(r"(\S+) => (/\S+)", done.stdout)}
        for loader in re.findall(r"^\s*(/\S+/ld-\S+)", done.stdout, re.MULTILINE):
            target = root / loader.lstrip("/")
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(loader).resolve(), target)
    # libgcc_s is loaded by name when a thread ends: ldd does not list it.
    found |= {p.name: p for p in (found["libc.so.6"].parent / "libgcc_s.so.1",) if p.exists()}
    for name, path in found.items():
        shutil.copy2(path.resolve(), root / LIBRARIES / name)


def write_archive(archive: Path, name: str, root: Path) -> None:
    """Write the image with one layer; fixed times and owners make it reproducible from the same files."""
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
    """The settings of the Dockerfile's last stage, in the format of an image's config.

    LD_LIBRARY_PATH is added, because this machine's loader may not search the folder of the copied libraries.
    """
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    stage = re.split(r"^FROM ", text, flags=re.MULTILINE)[-1]
    instructions = re.findall(r"^([A-Z]+) +(.+)$", stage, re.MULTILINE)
    arguments = dict(value.split("=", 1) for name, value in instructions if name == "ARG")

    def last(instruction: str) -> str:
        return [value for name, value in instructions if name == instruction][-1]

    return {
        "Env": [
            "PATH=/usr/local/bin",
            f"LD_LIBRARY_PATH=/{LIBRARIES}",
            *(pair for name, value in instructions if name == "ENV" for pair in shlex.split(value)),
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
    """A HEALTHCHECK instruction in the format of an image's config, with times in nanoseconds."""
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
        prog="python -m tests.support.image", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    parser.add_argument("archive", type=Path, help="the file to write")
    parser.add_argument("--name", default=default_name(), help="image name and tag (default: %(default)s)")
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
