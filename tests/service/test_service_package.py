"""What is installed: the package, its requirements and the image say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import storage_api

ROOT = Path(__file__).parents[2]
SERVICE = ROOT / "service"


def requirements() -> set[str]:
    lines = (SERVICE / "requirements.in").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_the_package_and_the_image_require_the_same():
    project = tomllib.loads((SERVICE / "pyproject.toml").read_text())["project"]
    assert set(project["dependencies"]) == requirements()


def test_every_module_is_packaged():
    packages = tomllib.loads((SERVICE / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(file.parent.relative_to(SERVICE).parts)
        for file in SERVICE.glob("storage_api/**/__init__.py")
    }
    assert set(packages) == found
    assert {file.parent for file in SERVICE.glob("storage_api/**/*.py")} == {
        SERVICE.joinpath(*package.split(".")) for package in packages
    }


def test_the_image_names_the_version_of_the_service():
    assert f"ARG VERSION={storage_api.__version__}\n" in (ROOT / "Dockerfile").read_text()


def test_the_image_is_made_of_what_its_context_holds():
    """.dockerignore lets in what the Dockerfile copies, and nothing else."""
    copied = set(re.findall(r"^COPY (?!--from)(\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_in
    assert all((ROOT / path).exists() for path in copied)
