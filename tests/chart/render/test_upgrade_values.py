"""Upgrades with the values of the previous version: `--reuse-values` and `--reset-then-reuse-values`.

With `--reuse-values` Helm also keeps the old defaults of the umbrella, so a value that is new in this version
is missing.
"""

import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from lab import ROOT
from lab.render.chart import DEPENDENCY, RenderError, load_yaml, render_chart, stage_chart
from tests.support.chart.axes import presets
from tests.support.previous import NoHistoryError, Previous

PRESETS = {name: [Path(file).relative_to(ROOT) for file in files] for name, files in presets().items()}
SCHEMA = json.loads((ROOT / "values.schema.json").read_text(encoding="utf-8"))
DEFAULTS = load_yaml((ROOT / "values.yaml").read_text(encoding="utf-8"))
SUBCHARTS = {"storage-api", "slo"}
"""Helm fills in what is missing for them from their own values.yaml, even with `--reuse-values`."""
FREE_MAPS = {"resources", "annotations", "labels"}
"""Maps whose keys are the user's; templates copy them as they are."""


@pytest.fixture(scope="module")
def previous(tmp_path_factory) -> Path:
    """The sources of the previous version, or of this one, with a warning, if there is no git history."""
    try:
        return Previous.extract(tmp_path_factory.mktemp("previous")).root
    except NoHistoryError as error:
        warnings.warn(f"the previous version is not tested: {error}", stacklevel=1)
        return ROOT


def defaults(root: Path) -> list[bytes]:
    """The contents of the values.yaml files of the chart and its subcharts."""
    return [file.read_bytes() for file in (root / "values.yaml", *sorted(root.glob("charts/*/values.yaml")))]


@pytest.mark.parametrize("preset", PRESETS)
def test_the_values_of_the_previous_version_fit(preset: str, previous: Path, tmp_path: Path):
    files = [previous / file for file in PRESETS[preset]]
    if not all(file.exists() for file in files):
        pytest.skip(f"NOT TESTED: {preset} is new in this version")
    assert render_chart(value_files=files).ours
    if defaults(previous) == defaults(ROOT):
        return  # both options then give the same values
    old = render_chart(value_files=files, root=previous)

    reusing = stage_chart(tmp_path / "chart")
    shutil.rmtree(reusing / "charts" / DEPENDENCY, ignore_errors=True)  # the stand-in, made again below
    (reusing / "values.yaml").write_text(json.dumps(old.values), encoding="utf-8")
    try:
        reused = render_chart(root=reusing)
    except RenderError as error:
        # Values are new in this version, and Helm names them. docs/upgrade.md tells what to do then.
        assert "missing propert" in str(error)
    else:
        assert reused.ours


def without_one(values: dict[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """The path of each key in nested values, with the values without it."""
    for key, value in values.items():
        path = (*prefix, key)
        yield ".".join(path), {k: v for k, v in values.items() if k != key}
        if isinstance(value, dict) and key not in FREE_MAPS:
            for name, rest in without_one(value, path):
                yield name, {**values, key: rest}


def test_a_missing_value_is_refused_by_name():
    """Else templates would meet nil, and the user one of Go's error messages."""
    validator = jsonschema_rs.validator_for(SCHEMA)
    assert not list(validator.iter_errors(DEFAULTS))
    own = {key: value for key, value in DEFAULTS.items() if key not in SUBCHARTS}
    accepted = [name for name, values in without_one(own) if validator.is_valid(values)]
    assert not accepted, "\n".join(accepted)
