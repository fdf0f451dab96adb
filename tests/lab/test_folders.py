"""What is installed, downloaded and built lies where it can be removed, and says how far it is."""

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


def test_every_cache_lies_in_the_tools_folder():
    environment = build_environment({"TOOLS_DIR": "/tools", "HOME": "/home/me"})
    assert {Path(environment[name]).parent for name in CACHES} == {Path("/tools/cache")}


def test_one_variable_shares_the_caches_of_several_clones():
    environment = build_environment({"TOOLS_DIR": "/tools", "CACHE_DIR": "/shared"})
    assert {Path(environment[name]).parent for name in CACHES} == {Path("/shared")}


@pytest.mark.parametrize("name", [*CACHES, "NPM_CONFIG_CACHE"])
def test_a_cache_that_the_caller_has_set_stays_where_it_is(name):
    environment = build_environment({name: "/mine"})
    assert environment[name] == "/mine"
    same = {each for each in environment if each.lower() == name.lower()}
    assert same == {name}
    others = [each for each in CACHES if each.lower() != name.lower()]
    assert {Path(environment[each]).parent for each in others} == {cache_folder({})}


def test_progress_is_told_as_long_as_it_takes():
    said = []
    with progress(said.append, lambda: f"{len(said)} of 3", 0.01):
        while len(said) < 3:
            pass
    assert said[:3] == ["0 of 3", "1 of 3", "2 of 3"]


def test_npms_progress_is_a_share_of_the_lock(monkeypatch, tmp_path):
    (tmp_path / "package-lock.json").write_text(
        '{"packages": {"": {}, "node_modules/a": {}, "node_modules/b": {}}}'
    )
    (tmp_path / "node_modules" / "a").mkdir(parents=True)
    (tmp_path / "node_modules" / "a" / "package.json").touch()
    monkeypatch.setattr(preview_bundle, "SOURCE", tmp_path)
    assert preview_bundle._packages() == "preview: 1 of at most 2 packages installed"


def make_venv(folder: Path, tools: Path, *before: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m lab.venv` for a package that does not exist."""
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


def test_a_tools_folder_that_can_not_be_written_is_one_line(missing_part, tmp_path):
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0 and setpriv is None:
        missing_part("setpriv (util-linux), to test permissions as root")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    # Root may write everywhere: without its capabilities it may not.
    unprivileged = [setpriv, "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = make_venv(tmp_path, locked / "tools", *unprivileged)
    assert (done.returncode, done.stderr) == (
        1,
        f"venv: {locked}/tools can't be used: Permission denied (set TOOLS_DIR or CACHE_DIR)\n",
    )


def test_a_package_that_can_not_be_had_is_one_line(tmp_path):
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


def test_a_folder_with_files_of_somebody_else_gets_no_tag(tmp_path):
    """`make clean` removes what has one."""
    (tmp_path / "mine").touch()
    venv._mark(tmp_path)
    assert not (tmp_path / venv.TAG).exists()
