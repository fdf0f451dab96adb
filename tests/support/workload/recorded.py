"""The recorded workloads as a proof: promtool evaluates the rules on the recording and answers queries."""

import functools

from tests.support.dashboard.promtool import PromtoolSource
from tests.support.dashboard.variables import TimeRange
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
