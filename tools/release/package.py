"""A reproducible package of the chart: the same sources give the same bytes, and so the same digest.

`helm package` chooses the files (.helmignore). What only a release knows is then written into its copy: the
version, the image with its digest, and Artifact Hub's annotations for changes and images.
"""

import gzip
import hashlib
import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import yaml

from lab import ROOT
from lab.render.helm import run_helm
from tools.release import changelog
from tools.release.errors import ReleaseError
from tools.release.versions import VERSION, current

_IMAGE = re.compile(r"(?P<registry>[^/]+[.:][^/]*)/(?P<repository>[^@:]+)@(?P<digest>sha256:[0-9a-f]{64})")


def build(target: Path, version: str = "", image: str = "", chart: Path = ROOT) -> Path:
    """Write the package of `chart` into the folder `target` and return its path.

    `version` is that of Chart.yaml if empty. `image`, as `registry/repository@sha256:digest`, becomes the
    storage API's default image. Raises ReleaseError.
    """
    if version and not VERSION.fullmatch(version):
        raise ReleaseError(f"VERSION {version} is not a version such as 1.2.3 or 1.2.3-rc.1")
    target.mkdir(parents=True, exist_ok=True)
    seconds = _source_date()
    with tempfile.TemporaryDirectory() as temporary:
        copy = _unpacked(chart, Path(temporary))
        if image:
            _set_image(copy / "charts/storage-api/values.yaml", image)
        _complete(copy, version or current(chart))
        package = _normalized(_package(copy, Path(temporary)), target, seconds)
    # `helm push` writes this time into the manifest, and so into the digest.
    os.utime(package, (seconds, seconds))
    return package


def sha256(package: Path) -> str:
    """The digest of the file, as `sha256:...`."""
    return "sha256:" + hashlib.sha256(package.read_bytes()).hexdigest()


def images(chart: Path) -> list[dict[str, str]]:
    """The images that the chart runs with its default values, in the format of artifacthub.io/images."""
    done = run_helm("template", "release", chart, "--namespace", "default", "--kube-version", "1.37.0")
    if done.returncode:
        raise ReleaseError(f"helm template: {done.stderr.strip().splitlines()[-1]}")
    # Flags name the images that an operator starts, such as --prometheus-config-reloader=IMAGE.
    patterns = (r"^\s*(?:- )?image: [\"']?([^\s\"']+)", r"--[\w-]+=([\w.-]+\.[\w.-]+/[\w./-]+:[\w.-]+)")
    found = {image for pattern in patterns for image in re.findall(pattern, done.stdout, re.MULTILINE)}
    return [
        {"name": re.split(r"[@:]", image.rpartition("/")[2])[0], "image": image} for image in sorted(found)
    ]


def _source_date() -> int:
    """SOURCE_DATE_EPOCH, or the time of the last commit, in seconds."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        if not given.isdecimal():
            raise ReleaseError(f"SOURCE_DATE_EPOCH must be a number of seconds, not {given}")
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(
            "this is no git checkout: set SOURCE_DATE_EPOCH to the time of the sources, in seconds"
        )
    return int(done.stdout)


def _package(chart: Path, target: Path) -> Path:
    done = run_helm("package", chart, "--destination", target)
    if done.returncode:
        raise ReleaseError(f"helm package: {done.stderr.strip().splitlines()[-1].removeprefix('Error: ')}")
    return Path(done.stdout.strip().rpartition(": ")[2])


def _unpacked(chart: Path, folder: Path) -> Path:
    with tarfile.open(_package(chart, folder)) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def _normalized(package: Path, target: Path, seconds: int) -> Path:
    """The package with its files in order and with one time: Helm writes the subcharts in a random order."""
    copy = target / package.name
    with (
        tarfile.open(package) as source,
        copy.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=seconds) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        # Chart.yaml comes first, as in every package of Helm.
        for member in sorted(source, key=_order):
            member.mtime = seconds
            archive.addfile(member, source.extractfile(member))
    return copy


def _order(member: tarfile.TarInfo) -> tuple[bool, bool, str]:
    return (member.name.count("/") > 1, not member.name.endswith("/Chart.yaml"), member.name)


def _set_image(values: Path, image: str) -> None:
    parts = _IMAGE.fullmatch(image)
    if not parts:
        raise ReleaseError(f"IMAGE must be registry/repository@sha256:<64 hexadecimal digits>, not {image}")
    head, begin, tail = values.read_text(encoding="utf-8").partition("\nimage:\n")
    for name, value in parts.groupdict().items():
        tail, count = re.subn(rf"^  {name}:.*$", f'  {name}: "{value}"', tail, count=1, flags=re.MULTILINE)
        if not count:
            raise ReleaseError(f"{values.name} has no image.{name}")
    values.write_text(head + begin + tail, encoding="utf-8")


def _complete(chart: Path, version: str) -> None:
    file = chart / "Chart.yaml"
    metadata: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    found = changelog.sections(changelog.CHANGELOG.read_text(encoding="utf-8"))
    section = found.get(version) or found.get(changelog.UNRELEASED, "")
    for name, value in (("changes", changelog.changes(section)), ("images", images(chart))):
        metadata["annotations"][f"artifacthub.io/{name}"] = yaml.safe_dump(value, sort_keys=False, width=120)
    metadata["annotations"]["artifacthub.io/prerelease"] = str("-" in version).lower()
    metadata |= {"version": version, "appVersion": version}
    file.write_text(yaml.safe_dump(metadata, sort_keys=False), encoding="utf-8")
