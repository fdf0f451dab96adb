"""The dashboard "Workload" shows what recorded pods used by their own count; tests/e2e asks a cluster."""

import functools

import pytest

from tests.dashboards.truth import compare, workload
from tests.support.dashboard.promtool import PromtoolSource
from tests.support.dashboard.variables import TimeRange, resolve
from tests.support.documents import DOCUMENTS, data_panels
from tests.support.workload import recording
from tests.support.workload.objects import NAMESPACE
from tests.support.workload.seen import WorkloadProof

END = (recording.MOMENTS - 1) * recording.EVERY
GONE = [
    (
        f'kube_pod_owner{{namespace="{NAMESPACE}",pod="worker-9",owner_kind="StatefulSet",owner_name="worker"}}',
        "1x4",
    ),
    (f'kube_pod_status_ready{{namespace="{NAMESPACE}",pod="worker-9",condition="true"}}', "1x4"),
    (
        f'kube_pod_container_status_restarts_total{{namespace="{NAMESPACE}",pod="worker-9",container="worker"}}',
        "0x4",
    ),
]
"""A pod that was there for a minute. The variable `pod` offers it, but no panel shows it any more."""
PANELS = {panel["title"]: panel for panel in data_panels(DOCUMENTS["workload"])}


@functools.cache
def proof() -> WorkloadProof:
    return proof_of(source())


def source() -> PromtoolSource:
    every = f"{recording.EVERY}s"
    gone = [(series, f"{samples} stale") for series, samples in GONE]
    series = [*recording.series(), *gone]
    return PromtoolSource(recording.groups(), series, END, every=every, step=every)


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
        expected = workload.variables(recorded.seen(view))
        if view.variables["service"] == ("worker",):
            expected["pod"].append("worker-9")
        assert options == expected, view
