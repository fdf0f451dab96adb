"""What each preset renders, kept in golden files: no change goes unseen.

    python -m pytest tests/matrix --update-golden

writes what is rendered now. Beside kube-prometheus-stack's package it also writes the names of its objects.
"""

from pathlib import Path

import pytest

from lab.chart import DEPENDENCY, load_yaml
from tests.chart_support import golden
from tests.chart_support.axes import presets

FOLDER = Path(__file__).parent / "golden"
NAMES, MANIFEST, SETTINGS = "objects.txt", "ours.yaml", f"{DEPENDENCY}.yaml"


@pytest.fixture
def kept(request, column):
    """The preset's golden folder, first written anew where that was asked for."""
    folder = FOLDER / column.preset
    if request.config.getoption("--update-golden", default=False) and column.helm == "helm4":
        folder.mkdir(parents=True, exist_ok=True)
        newest = column.newest
        names = golden.names(newest)
        if newest.stand_in and (folder / NAMES).is_file():
            names |= {line for line in lines(folder) if not line.startswith("ours ")}
        (folder / NAMES).write_text("\n".join(sorted(names)) + "\n", encoding="utf-8")
        (folder / MANIFEST).write_text(golden.manifest(newest), encoding="utf-8")
        if newest.stand_in:
            (folder / SETTINGS).write_text(golden.as_text(golden.settings(newest)), encoding="utf-8")
    return folder


def lines(folder):
    return set((folder / NAMES).read_text(encoding="utf-8").splitlines())


def test_the_objects_are_exactly_the_known_ones(column, kept):
    for version, render in column.renders.items():
        expected = {line for line in lines(kept) if line.startswith("ours ") or not render.stand_in}
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
