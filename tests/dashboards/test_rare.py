"""What panels show of what neither the lab nor a recording has; see rare/cases.py."""

import pytest

from tests.dashboards.rare.cases import CASES, EXPECTED
from tests.support.documents import DOCUMENTS, data_panels

PANELS = {
    f"{case}: {dashboard}: {panel}": (case, dashboard, panel)
    for case, dashboards in EXPECTED.items()
    for dashboard, panels in dashboards.items()
    for panel in panels
}


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_shows_a_rare_case(name):
    case, dashboard, title = PANELS[name]
    (panel,) = (panel for panel in data_panels(DOCUMENTS[dashboard]) if panel["title"] == title)
    source = CASES[case].source()
    shown = source.settle(lambda: CASES[case].look(panel, source))
    assert shown == EXPECTED[case][dashboard][title]


def test_each_case_is_expected_somewhere():
    assert EXPECTED.keys() == CASES.keys()
