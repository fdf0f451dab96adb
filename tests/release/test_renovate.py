"""renovate.json finds every pinned tool: its regular expressions match what the files say."""

import json
import re

import pytest

from lab import ROOT

CONFIG = json.loads((ROOT / "renovate.json").read_text())
TOOLS, WORKFLOWS, TEST_IMAGE, NODES = CONFIG["customManagers"]


def found(manager):
    """{file: [named groups of each match]} of the files of a manager, by its own patterns."""
    (pattern,) = (re.compile(p.strip("/")) for p in manager["managerFilePatterns"][:1])
    (expression,) = manager["matchStrings"]
    expression = re.compile(re.sub(r"\(\?<(\w+)>", r"(?P<\1>", expression))
    names = [str(p.relative_to(ROOT)) for f in ("lab", ".github", "templates") for p in (ROOT / f).rglob("*")]
    return {
        name: [match.groupdict() for match in expression.finditer((ROOT / name).read_text())]
        for name in names
        if pattern.search(name)
    }


def test_every_tool_of_the_toolchain_has_a_comment_that_renovate_reads():
    matches = found(TOOLS)
    assert sum(map(len, matches.values())) >= 12
    for name, groups in matches.items():
        versions = re.findall(r'^ +version="([^"]+)"', (ROOT / name).read_text(), re.MULTILINE)
        assert [each["currentValue"] for each in groups] == versions, f"{name} has a tool without a comment"


def test_every_comment_for_renovate_is_read():
    for manager in (TOOLS, WORKFLOWS):
        for name, groups in found(manager).items():
            assert (ROOT / name).read_text().count("# renovate: ") == len(groups), name


@pytest.mark.parametrize("name", ["actionlint", "crane", "oras"])
def test_a_tool_and_its_go_module_have_the_same_version(name):
    module, version = {
        each["depName"]: (each["depName"], each["currentValue"])
        for each in found(TOOLS)["lab/toolchain/releasing.py"]
    }[{"actionlint": "github.com/rhysd/actionlint", "oras": "oras.land/oras"}.get(
        name, "github.com/google/go-containerregistry"
    )]  # fmt: skip
    text = (ROOT / f"lab/toolchain/go/{name}/go.mod").read_text()
    assert f"\t{module} v{version}" in text


def test_the_image_of_helm_test_is_found():
    ((group,),) = found(TEST_IMAGE).values()
    assert (
        f"ARG PYTHON_IMAGE={'{depName}:{currentValue}@{currentDigest}'.format(**group)}\n"
        in (ROOT / "Dockerfile").read_text()
    )


def test_the_images_of_kind_are_found():
    (groups,) = found(NODES).values()
    assert len(groups) == 4
    assert {each["depName"] for each in groups} == {"kindest/node"}


def test_the_version_of_helm_in_workflows_is_that_of_the_toolchain():
    tools = {each["currentValue"] for each in found(TOOLS)["lab/toolchain/kubernetes.py"]}
    used = {
        each["currentValue"]
        for groups in found(WORKFLOWS).values()
        for each in groups
        if each["depName"] == "helm/helm"
    }
    assert len(used) == 1
    assert used <= {f"v{version}" for version in tools}


def test_every_kind_of_dependency_has_a_manager():
    assert set(CONFIG["enabledManagers"]) == {
        "custom.regex", "dockerfile", "github-actions", "gomod", "helmv3", "npm", "pip-compile",
        "pip_requirements", "pre-commit",
    }  # fmt: skip


def test_renovate_can_compile_every_requirements_file_again():
    """It repeats the command in the file's first lines."""
    (pattern,) = (re.compile(p.strip("/")) for p in CONFIG["pip-compile"]["managerFilePatterns"])
    files = [p for p in ROOT.rglob("requirements*.txt") if ".tools" not in p.parts and "dist" not in p.parts]
    assert len(files) >= 6
    for file in files:
        name = str(file.relative_to(ROOT))
        assert pattern.search(name)
        source = file.with_suffix(".in")
        header = file.read_text().partition("\nblinker==")[0]
        # In the file's folder, where Renovate looks for the files that `-r` and `-c` name.
        assert f" {source.name} --output-file={file.name}\n" in file.read_text(), name
        # Renovate refuses the whole file if an option's argument is a word of its own.
        assert re.findall(r" --(?:python-version|output-file)(.)", header) == ["=", "="], name
        assert source.is_file()
