"""The dashboard "Workload" shows what recorded pods used by their own count; tests/e2e asks a cluster."""

import pytest

from tests.dashboards.truth import compare, workload
from tests.support.dashboard.variables import resolve
from tests.support.documents import DOCUMENTS, data_panels
from tests.support.workload.recorded import proof

PANELS = {panel["title"]: panel for panel in data_panels(DOCUMENTS["workload"])}


def test_each_panel_has_an_expectation_and_each_expectation_a_panel():
    assert sorted(workload.PANELS.truths) == sorted(PANELS)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_shows_what_the_pods_counted(panel):
    recorded = proof()
    found = recorded.source.settle(lambda: list(compare("workload", PANELS[panel], recorded)))
    assert found, "nothing was compared"
    assert [str(one) for one in found if one.differs] == []


def test_the_variables_offer_the_pods_of_the_service():
    recorded = proof()
    for view in workload.VIEWS:
        _, options = recorded.source.settle(
            lambda view=view: resolve(DOCUMENTS["workload"], recorded.source, view.variables)
        )
        expected = workload.variables(recorded.seen(view))
        if view.variables["service"] == ("worker",):
            expected["pod"].append("worker-9")
        assert options == expected, view
