"""What each preset renders, kept in golden files: no change goes unseen.

    make golden

writes what is rendered now: our objects, their names, and what we set of kube-prometheus-stack.
"""

from pathlib import Path

import pytest

from lab.render.chart import DEPENDENCY, load_yaml
from tests.support.chart import golden
from tests.support.chart.axes import presets

FOLDER = Path(__file__).parent / "golden"
NAMES, MANIFEST, SETTINGS = "objects.txt", "ours.yaml", f"{DEPENDENCY}.yaml"


@pytest.fixture
def kept(request, column):
    """The preset's golden folder, first written anew where that was asked for."""
    folder = FOLDER / column.preset
    if request.config.getoption("--update-golden", default=False) and column.helm == "helm4":
        folder.mkdir(parents=True, exist_ok=True)
        newest = column.newest
        (folder / NAMES).write_text("\n".join(sorted(golden.names(newest))) + "\n", encoding="utf-8")
        (folder / MANIFEST).write_text(golden.manifest(newest), encoding="utf-8")
        if newest.stand_in:
            (folder / SETTINGS).write_text(golden.as_text(golden.settings(newest)), encoding="utf-8")
    return folder


def test_the_objects_are_exactly_the_known_ones(column, kept):
    expected = set((kept / NAMES).read_text(encoding="utf-8").splitlines())
    for version, render in column.renders.items():
        assert golden.names(render) == expected, version


def test_our_objects_are_the_golden_ones(column, kept):
    expected = (kept / MANIFEST).read_text(encoding="utf-8")
    for version, render in column.renders.items():
        assert golden.manifest(render) == expected, version


def test_what_we_set_of_the_dependency_is_the_golden_one(column, kept):
    expected = load_yaml((kept / SETTINGS).read_text(encoding="utf-8"))
    found = golden.settings(column.newest)
    assert golden.missing(expected, found) == []
    if column.newest.stand_in:
        assert golden.missing(found, expected) == []


def test_every_golden_file_belongs_to_a_preset():
    assert {path.name for path in FOLDER.iterdir()} == set(presets())
    assert {path.name for path in FOLDER.glob("*/*")} == {NAMES, MANIFEST, SETTINGS}
