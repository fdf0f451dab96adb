"""docs/slo.md names every field of a service, every preset and every record."""

import re
from collections.abc import Iterator

import pytest

from lab import ROOT
from lab.render.chart import load_yaml, render_chart
from tools.definitions import DEFINITIONS, Schema

TEXT = (ROOT / "docs/slo.md").read_text(encoding="utf-8")


def fields(schema: Schema, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, child in schema["properties"].items():
        if "properties" in child and (*path, name) != ("metrics", "errors") and path != ("alerts",):
            yield from fields(child, (*path, name))
        else:
            yield ".".join((*path, name))


@pytest.mark.parametrize("field", list(fields(DEFINITIONS["sloEntry"])))
def test_every_field_of_a_service_is_described(field):
    alert = field.removeprefix("alerts.")
    assert f"`{alert}`" in TEXT if alert != field else f"`{field}`" in TEXT


def test_the_table_of_presets_has_each_with_its_metrics():
    presets = load_yaml((ROOT / "charts/slo/files/presets.yaml").read_text())
    rows = {
        row[1]: row[0]
        for row in re.findall(r"^(\| `([a-z-]+)` \| `[^|]*\|[^|]*\|[^|]*\|)$", TEXT, re.MULTILINE)
    }
    assert rows.keys() >= presets.keys()
    for name, preset in presets.items():
        assert f"`{preset['metrics']['requests']}" in rows[name]


def test_every_record_is_described():
    found = [g for o in render_chart().ours if o["kind"] == "PrometheusRule" for g in o["spec"]["groups"]]
    records = {rule["record"] for group in found for rule in group["rules"] if "record" in rule}
    ours = {name for name in records if name.startswith(("slo", "service:"))}
    assert ours
    for name in ours:
        window = re.search(r"\d+[mhd]$", name)
        assert f"`{name}`" in TEXT or (
            window and f"`{window[0]}`" in TEXT and f"`{name[: window.start()]}5m`" in TEXT
        )
