"""The dashboards' JSON fits the types of Grafana 13, from its package @grafana/schema."""

import json

import pytest

from lab import preview_bundle
from lab.errors import LabError
from lab.toolchain import ToolError
from tests.support.documents import DOCUMENTS, FOLDER, data_panels


@pytest.fixture(scope="module", autouse=True)
def packages(missing_part) -> None:
    """Skip or fail with a reason if npm is not available."""
    try:
        preview_bundle.npm("--version")
    except ToolError as error:
        missing_part(str(error))


def check(*paths) -> None:
    """Raise LabError with the errors of dashboards that do not fit the types."""
    preview_bundle.npm("run", "--silent", "schema", "--", *map(str, paths))


def test_every_dashboard_fits_the_types_of_grafana():
    check(*sorted(FOLDER.glob("*.json")))


def test_an_unknown_field_a_wrong_value_and_a_wrong_type_are_refused(tmp_path):
    document = json.loads(json.dumps(DOCUMENTS["service"]))
    stat, table, graph = (
        next(panel for panel in data_panels(document) if panel["type"] == kind)
        for kind in ("stat", "table", "timeseries")
    )
    stat["options"]["sparkline"] = True
    table["fieldConfig"]["overrides"][0]["properties"][0]["id"] = "custom.hight"
    graph["options"]["legend"]["placement"] = "left"
    file = tmp_path / "faulty.json"
    file.write_text(json.dumps(document))
    with pytest.raises(LabError) as error:
        check(file)
    assert all(fault in str(error.value) for fault in ("sparkline", "custom.hight", '"left"'))
