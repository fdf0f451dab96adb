"""Installations, downloads and builds stay in folders that can be removed, and report their progress."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT, preview_bundle, venv
from lab.folders import build_environment, cache_folder
from lab.progress import progress

CACHES = ("GOCACHE", "GOPATH", "PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache")


def test_all_caches_are_in_the_tools_folder():
    environment = build_environment({"TOOLS_DIR": "/tools", "HOME": "/home/me"})
    assert {Path(environment[name]).parent for name in CACHES} == {Path("/tools/cache")}


def test_mavens_repository_is_in_the_cache_folder():
    assert build_environment({"CACHE_DIR": "/shared"})["MAVEN_OPTS"] == "-Dmaven.repo.local=/shared/maven"
    assert build_environment({"MAVEN_OPTS": "-X"})["MAVEN_OPTS"] == "-X"


def test_cache_dir_shares_the_caches_between_clones():
    environment = build_environment({"TOOLS_DIR": "/tools", "CACHE_DIR": "/shared"})
    assert {Path(environment[name]).parent for name in CACHES} == {Path("/shared")}


@pytest.mark.parametrize("name", [*CACHES, "NPM_CONFIG_CACHE"])
def test_a_cache_folder_that_the_caller_has_set_is_kept(name):
    environment = build_environment({name: "/mine"})
    assert environment[name] == "/mine"
    same = {each for each in environment if each.lower() == name.lower()}
    assert same == {name}
    others = [each for each in CACHES if each.lower() != name.lower()]
    assert {Path(environment[each]).parent for each in others} == {cache_folder({})}


def test_progress_is_reported_until_the_work_ends():
    said = []
    with progress(said.append, lambda: f"{len(said)} of 3", 0.01):
        while len(said) < 3:
            pass
    assert said[:3] == ["0 of 3", "1 of 3", "2 of 3"]


def test_progress_of_npm_counts_the_packages_of_the_lock_file(monkeypatch, tmp_path):
    (tmp_path / "package-lock.json").write_text(
        '{"packages": {"": {}, "node_modules/a": {}, "node_modules/b": {}}}'
    )
    (tmp_path / "node_modules" / "a").mkdir(parents=True)
    (tmp_path / "node_modules" / "a" / "package.json").touch()
    monkeypatch.setattr(preview_bundle, "SOURCE", tmp_path)
    assert preview_bundle._packages() == "preview: 1 of at most 2 packages installed"


def make_venv(folder: Path, tools: Path, *before: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m lab.venv` for a package that does not exist."""
    requirements = folder / "requirements.txt"
    requirements.write_text("no-such-package==1.0 --hash=sha256:" + 64 * "0")
    return subprocess.run(
        [*before, sys.executable, "-m", "lab.venv", str(tools / "venv"), str(requirements)],
        cwd=ROOT,
        env=os.environ | {"TOOLS_DIR": str(tools), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_an_unwritable_tools_folder_is_reported_in_one_line(missing_part, tmp_path):
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0 and setpriv is None:
        missing_part("setpriv (util-linux), to test permissions as root")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    # Root may write everywhere unless it runs without capabilities.
    unprivileged = [setpriv, "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = make_venv(tmp_path, locked / "tools", *unprivileged)
    assert (done.returncode, done.stderr) == (
        1,
        f"venv: {locked}/tools can't be used: Permission denied (set TOOLS_DIR or CACHE_DIR)\n",
    )


def test_an_unavailable_package_is_reported_in_one_line(tmp_path):
    done = make_venv(tmp_path, tmp_path / "tools", PATH="/usr/bin:/bin", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert done.returncode == 1
    first, *_, last = done.stderr.splitlines()
    assert first == f"venv: installing 1 Python packages into {tmp_path}/tools/venv ..."
    assert last == (
        f"venv: pip can't install {tmp_path}/requirements.txt: "
        "No matching distribution found for no-such-package==1.0"
    )
    assert (
        (tmp_path / "tools" / venv.TAG).read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    )


def test_a_folder_with_other_files_gets_no_tag(tmp_path):
    """`make clean` removes folders that have the tag."""
    (tmp_path / "mine").touch()
    venv._mark(tmp_path)
    assert not (tmp_path / venv.TAG).exists()
