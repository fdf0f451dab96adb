"""The dashboard "Workload" shows what recorded pods used by their own count; tests/e2e asks a cluster."""

import functools

import pytest

from tests.dashboards.truth import compare, workload
from tests.support.dashboard.promtool import PromtoolSource
from tests.support.dashboard.variables import TimeRange, resolve
from tests.support.documents import DOCUMENTS, data_panels
from tests.support.workload import recording
from tests.support.workload.seen import WorkloadProof

END = (recording.MOMENTS - 1) * recording.EVERY
PANELS = {panel["title"]: panel for panel in data_panels(DOCUMENTS["workload"])}


@functools.cache
def proof() -> WorkloadProof:
    return proof_of(source())


def source() -> PromtoolSource:
    every = f"{recording.EVERY}s"
    return PromtoolSource(recording.groups(), recording.series(), END, every=every, step=every)


@functools.cache
def proof_of(source: PromtoolSource) -> WorkloadProof:
    shown = TimeRange(END - 2 * recording.EVERY, END, recording.EVERY)
    return WorkloadProof(**recording.truth(), source=source, shown=shown)


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
        assert options == workload.variables(recorded.seen(view)), view
