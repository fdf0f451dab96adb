"""Documents, versions, pinned dependencies and the Makefile agree with each other."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT


def tracked_files() -> list[Path]:
    """Return the files that git tracks, or all files if this is not a git checkout."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        return [path for path in ROOT.rglob("*") if path.is_file()]
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def make(*arguments: str) -> subprocess.CompletedProcess:
    """Run make as a user does, and return what it printed."""
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def targets() -> set[str]:
    """Return the Makefile's documented targets."""
    return set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CHANGELOG.md",
        *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
    ],
)
def test_make_targets_and_links_in_documents_exist(document):
    """Every `make x` is a target, and every relative link leads to a file."""
    text = (ROOT / document).read_text()
    fence = re.compile("^```.*?^```", re.M | re.S)
    code = re.findall(r"^.*\bmake .*$", "\n".join(fence.findall(text)), re.M)
    code += re.findall(r"`[^`]+`", fence.sub("", text))
    unknown = set(re.findall(r"\bmake ([a-z][a-z0-9-]+)\b(?=[`\s]|$)", "\n".join(code)))
    assert unknown <= targets(), f"{document} names make targets that do not exist"
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    dead = [link for link in links if not ((ROOT / document).parent / link).exists()]
    assert not dead, f"{document} has dead links"


def test_the_readme_names_every_make_target():
    text = (ROOT / "README.md").read_text()
    assert {name for name in targets() if f"make {name}" not in text} == set()


def test_the_readme_names_every_folder_of_tests():
    (row,) = re.findall(r"^\| `tests/` \|(.+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    folders = {
        path.relative_to(ROOT / "tests").parts[0]
        for path in tracked_files()
        if path.is_relative_to(ROOT / "tests")
    }
    assert set(re.findall(r"`(\w+)`", row)) == {name for name in folders if re.fullmatch(r"[a-z0-9]+", name)}


def test_make_help_lists_every_target_and_variable():
    said = make("help")
    assert said.returncode == 0
    assert {name for name in targets() if f"make {name}" not in said.stdout} == set()
    for variable in ("PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "VALUES", "LAB_DIR", "TOOLS_DIR"):
        assert re.search(rf"^  {variable} ", said.stdout, re.MULTILINE)


def test_an_unknown_make_variable_is_refused_in_one_line():
    said = make("up", "PROT=5001")
    assert said.returncode != 0
    assert len(said.stderr.strip().splitlines()) == 1
    assert "unknown variable: PROT" in said.stderr
    assert "PROMETHEUS_PORT" in said.stderr


def test_requirements_are_pinned_with_hashes_and_without_addresses():
    paths = [path for path in tracked_files() if re.fullmatch(r"requirements.*\.txt", path.name)]
    assert {ROOT / "requirements.txt", ROOT / "service/requirements.txt"} <= set(paths)
    for path in paths:
        text = path.read_text()
        pins = re.findall(r"^[a-z0-9][^\s]*.*$", text, re.MULTILINE | re.IGNORECASE)
        assert pins
        assert all("==" in pin for pin in pins), path
        assert text.count("--hash=sha256:") >= len(pins)
        assert "://" not in text and not re.search(r"^--(extra-)?index-url", text, re.MULTILINE)


def test_lock_files_record_no_download_addresses():
    names = {path.name for path in tracked_files()}
    assert "uv.lock" not in names
    for lock in (path for path in tracked_files() if path.name == "package-lock.json"):
        assert '"resolved"' not in lock.read_text(), f"{lock} records download addresses"


def imports(path: Path) -> set[str]:
    """Names of what a module imports, such as `lab.errors.LabError` for `from lab.errors import LabError`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_no_module_imports_a_file_of_tests():
    """pytest loads test modules and conftest.py itself; an import would be a second copy."""
    of_pytest = re.compile(r"\b(conftest|test_\w+)\b")
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in tracked_files()
        if path.suffix == ".py"
        for name in imports(path)
        if name.startswith("tests.") and of_pytest.search(name)
    }
    assert found == set()


def test_support_imports_no_other_part_of_the_tests():
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "tests/support").rglob("*.py")
        for name in imports(path)
        if name.split(".")[0] == "tests" and not name.startswith("tests.support.")
    }
    assert found == set()


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "lab", "up", "--minute", "3"),
        ("-m", "tests.support.image", "--buil", "auto", "image.tar"),
        ("-m", "dashboards", "--chec"),
        ("-m", "bench", "--round", "1"),
        ("-m", "bench.slo", "--hel"),
        ("-m", "tools.release", "check", "--ta", "v1.0.0"),
        ("-m", "tools.values_schema", "--chec"),
        ("-m", "tools.service_metrics", "--chec"),
        ("-m", "tools.service_settings", "--chec"),
    ],
    ids=" ".join,
)
def test_an_abbreviated_option_is_refused(command):
    """`--minute 3` used to be accepted as `--minutes 3`."""
    environment = os.environ | {"PYTHONPATH": "service"}
    said = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 2
    assert "unrecognized arguments" in said.stderr
