"""The version, which the charts, the service, its image and the examples of deployment share."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from lab import ROOT
from tools.release.errors import ReleaseError

# Semantic Versioning 2.0.0 without build metadata, as `+` is not allowed in the tag of an image.
VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z][0-9A-Za-z.-]*)?")
_V = r"([0-9][0-9A-Za-z.-]*)"
_CHART = (rf"^version: {_V}$", rf"^appVersion: {_V}$")
_OWN_DEPENDENCIES = rf"- name: (?:storage-api|slo)\n +(?:repository: \"\"\n +)?version: {_V}$"
_IMAGE = rf"observability-platform/storage-api:{_V}\b"
PLACES: dict[str, tuple[str, ...]] = {
    "Chart.yaml": (*_CHART, _OWN_DEPENDENCIES),
    "Chart.lock": (_OWN_DEPENDENCIES,),
    "charts/storage-api/Chart.yaml": _CHART,
    "charts/slo/Chart.yaml": _CHART,
    "service/storage_api/__init__.py": (rf'^__version__ = "{_V}"$',),
    "Dockerfile": (rf"^ARG VERSION={_V}$", _IMAGE),
    "README.md": (_IMAGE,),
    "ci/kind-values.yaml": (_IMAGE,),
    "docs/quick-start.md": (_IMAGE, rf"registry\.example\.com/storage-api:{_V}\b"),
    "docs/install.md": (rf"^    version: {_V}$",),
    "deploy/gitops/argo-cd.yaml": (rf"targetRevision: v{_V}$",),
    "deploy/gitops/flux.yaml": (rf"tag: v{_V}$",),
}
"""{file: regular expressions whose group is the version}; each matches at least once.

Generated files, such as deploy/manifests/, follow with `make generate`.
"""


def current(root: Path = ROOT) -> str:
    """The version of the umbrella chart."""
    return yaml.safe_load((root / "Chart.yaml").read_text(encoding="utf-8"))["version"]


def stated(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Every place that states the version, as `file:line`, with what it says; raises ReleaseError."""
    for name, patterns in PLACES.items():
        text = (root / name).read_text(encoding="utf-8")
        for pattern in patterns:
            found = list(re.finditer(pattern, text, re.MULTILINE))
            if not found:
                raise ReleaseError(f"{name} states no version: nothing matches {pattern}")
            for match in found:
                yield f"{name}:{text.count(chr(10), 0, match.start(1)) + 1}", match[1]


def disagreements(root: Path = ROOT) -> list[str]:
    """A line for each place that states another version than Chart.yaml."""
    version = current(root)
    return [
        f"{place} says {said}, Chart.yaml says {version}" for place, said in stated(root) if said != version
    ]


def change(version: str, root: Path = ROOT) -> None:
    """Write the version into every place; raises ReleaseError if it is no version."""
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"{version} is not a version such as 1.2.3 or 1.2.3-rc.1")
    for name, patterns in PLACES.items():
        text = (root / name).read_text(encoding="utf-8")
        for pattern in patterns:
            text = re.sub(pattern, lambda m: m[0].replace(m[1], version), text, flags=re.MULTILINE)
        (root / name).write_text(text, encoding="utf-8")
    lock = root / "Chart.lock"
    text = re.sub(
        r"^digest: .*$", f"digest: {lock_digest(root)}", lock.read_text(encoding="utf-8"), flags=re.M
    )
    lock.write_text(text, encoding="utf-8")


def lock_digest(root: Path = ROOT) -> str:
    """Helm's digest of Chart.lock: SHA-256 of the requested and the locked dependencies as compact JSON."""
    chart = yaml.safe_load((root / "Chart.yaml").read_text(encoding="utf-8"))
    lock = yaml.safe_load((root / "Chart.lock").read_text(encoding="utf-8"))
    fields = ("name", "version", "repository", "condition")
    asked = [{field: each[field] for field in fields} for each in chart["dependencies"]]
    locked = [{field: each[field] for field in fields[:3]} for each in lock["dependencies"]]
    return "sha256:" + hashlib.sha256(json.dumps([asked, locked], separators=(",", ":")).encode()).hexdigest()
