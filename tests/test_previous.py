"""The version from which the tests upgrade: the newest tag before this commit, or else the commit before."""

import subprocess
from pathlib import Path

import pytest

from tests.support.previous import NoHistoryError, Previous


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout without commits."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet")
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


def commit(folder: Path, text: str) -> None:
    (folder / "file").write_text(text)
    git(folder, "add", "file")
    git(folder, "commit", "--quiet", "--no-gpg-sign", "--message", text)


def test_without_tags_it_is_the_commit_before(checkout: Path, tmp_path: Path):
    commit(checkout, "one")
    commit(checkout, "two")
    previous = Previous.extract(tmp_path / "previous", checkout)
    assert (previous.root / "file").read_text() == "one"


def test_it_is_the_newest_tag_before_the_current_commit(checkout: Path, tmp_path: Path):
    for text in ("one", "two", "three", "four"):
        commit(checkout, text)
        if text in {"one", "two", "four"}:  # `four` is the release that is being made
            git(checkout, "tag", f"v-{text}")
    previous = Previous.extract(tmp_path / "previous", checkout)
    assert previous.revision == "v-two"
    assert (previous.root / "file").read_text() == "two"


def test_a_single_commit_has_no_previous_version(checkout: Path, tmp_path: Path):
    commit(checkout, "one")
    with pytest.raises(NoHistoryError, match=r"git rev-parse .*HEAD\^"):
        Previous.extract(tmp_path / "previous", checkout)
