"""One version everywhere, and a changelog with a section for it."""

import re
import shutil
import subprocess

import pytest

from lab import ROOT
from lab.render.chart import load_yaml
from tools.release import changelog, versions
from tools.release.__main__ import change, check
from tools.release.errors import ReleaseError

CHANGELOG = """# Changelog

## [Unreleased]

### Added

- A thing ([described](docs/thing.md)),
  on two lines.

### Fixed

- A fault.

## [0.0.9] - 2026-01-02

### Removed

- An old thing.
"""


@pytest.fixture
def copy(tmp_path):
    """A folder with every file that states the version, and a changelog with entries."""
    for name in versions.PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_every_place_states_the_version_of_the_chart():
    assert versions.disagreements() == []


def test_no_other_file_states_the_version_of_the_image():
    command = ["git", "grep", "-lE", r"observability-platform/storage-api:[0-9]+\.[0-9]+\.[0-9]+"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    generated = ("tests/", "deploy/compose/", "deploy/manifests/")
    assert {name for name in found if not name.startswith(generated)} <= versions.PLACES.keys()


def test_a_new_version_is_written_everywhere_and_can_be_released(copy):
    change("1.2.0-rc.1", copy)
    assert {said for _, said in versions.stated(copy)} == {"1.2.0-rc.1"}
    lock = load_yaml((copy / "Chart.lock").read_text())
    assert lock["digest"] == versions.lock_digest(copy)
    assert lock["digest"] != load_yaml((ROOT / "Chart.lock").read_text())["digest"]
    text = (copy / "CHANGELOG.md").read_text()
    assert re.search(r"## \[Unreleased]\n\n## \[1\.2\.0-rc\.1] - \d{4}-\d\d-\d\d\n\n### Added\n", text)
    check("v1.2.0-rc.1", copy)


def test_everything_that_prevents_a_release_is_reported_at_once(copy):
    file = copy / "charts/slo/Chart.yaml"
    now = versions.current()
    file.write_text(file.read_text().replace(f"version: {now}\napp", "version: 99.0.0\napp"))
    with pytest.raises(ReleaseError) as refused:
        check("v98.0.0", copy)
    assert refused.value.args == (
        f"charts/slo/Chart.yaml:5 says 99.0.0, Chart.yaml says {now}",
        f"the tag is v98.0.0, the version {now}: the tag must be v{now}",
        f"CHANGELOG.md has no section [{now}] with text; `make version VERSION={now}` makes it",
    )


@pytest.mark.parametrize(
    "version, said",
    [
        ("1.2", "1.2 is not a version such as 1.2.3 or 1.2.3-rc.1"),
        ("v1.2.3", "v1.2.3 is not a version such as 1.2.3 or 1.2.3-rc.1"),
        ("1.2.3+4", "1.2.3+4 is not a version such as 1.2.3 or 1.2.3-rc.1"),
        ("0.0.9", "CHANGELOG.md already has a section [0.0.9]"),
    ],
)
def test_an_impossible_version_changes_nothing(copy, version, said):
    with pytest.raises(ReleaseError, match=re.escape(said)):
        change(version, copy)
    assert (copy / "CHANGELOG.md").read_text() == CHANGELOG
    assert {said for _, said in versions.stated(copy)} == {versions.current()}


def test_a_release_without_entries_in_the_changelog_is_refused():
    with pytest.raises(ReleaseError, match=re.escape("CHANGELOG.md has no entries below [Unreleased]")):
        changelog.release("## [Unreleased]\n\n## [0.0.9] - 2026-01-02\n", "1.0.0", "2026-01-03")


def test_entries_of_the_changelog_become_changes_for_artifact_hub():
    assert changelog.changes(changelog.sections(CHANGELOG)["Unreleased"]) == [
        {"kind": "added", "description": "A thing (described), on two lines."},
        {"kind": "fixed", "description": "A fault."},
    ]


def test_the_changelog_uses_only_kinds_that_artifact_hub_knows():
    sections = changelog.sections((ROOT / "CHANGELOG.md").read_text()).values()
    kinds = {entry["kind"] for section in sections for entry in changelog.changes(section)}
    assert kinds
    assert kinds <= {"added", "changed", "deprecated", "removed", "fixed", "security"}
