"""The render of each preset matches its golden files, so that reviewers see every change in a diff.

    make golden

writes the current render: our objects, their names, and the values that we set for kube-prometheus-stack.
"""

from pathlib import Path

import pytest

from lab.render.chart import DEPENDENCY, load_yaml
from tests.support.chart import golden
from tests.support.chart.axes import presets

FOLDER = Path(__file__).parent / "golden"
NAMES, MANIFEST, SETTINGS = "objects.txt", "ours.yaml", f"{DEPENDENCY}.yaml"


@pytest.fixture
def golden_folder(request, column):
    """The preset's golden folder; with --update-golden its files are written first."""
    folder = FOLDER / column.preset
    if request.config.getoption("--update-golden", default=False) and column.helm == "helm4":
        folder.mkdir(parents=True, exist_ok=True)
        newest = column.newest
        (folder / NAMES).write_text("\n".join(sorted(golden.names(newest))) + "\n", encoding="utf-8")
        (folder / MANIFEST).write_text(golden.manifest(newest), encoding="utf-8")
        if newest.stand_in:
            (folder / SETTINGS).write_text(golden.as_text(golden.settings(newest)), encoding="utf-8")
    return folder


def test_object_names_match_the_golden_file(column, golden_folder):
    expected = set((golden_folder / NAMES).read_text(encoding="utf-8").splitlines())
    for version, render in column.renders.items():
        assert golden.names(render) == expected, version


def test_our_objects_match_the_golden_file(column, golden_folder):
    expected = (golden_folder / MANIFEST).read_text(encoding="utf-8")
    for version, render in column.renders.items():
        assert golden.manifest(render) == expected, version


def test_values_for_the_dependency_match_the_golden_file(column, golden_folder):
    expected = load_yaml((golden_folder / SETTINGS).read_text(encoding="utf-8"))
    found = golden.settings(column.newest)
    assert golden.missing(expected, found) == []
    if column.newest.stand_in:
        assert golden.missing(found, expected) == []


def test_every_golden_file_belongs_to_a_preset():
    assert {path.name for path in FOLDER.iterdir()} == set(presets())
    assert {path.name for path in FOLDER.glob("*/*")} == {NAMES, MANIFEST, SETTINGS}
