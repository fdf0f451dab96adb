"""The dashboard "Workload" in a cluster: its panels show what pods used by their own count.

The pods of tests/support/workload use known amounts; tests/dashboards/truth/workload.py says what each panel
must show, and how far it may be from that. Rates need minutes of samples, so conftest.py starts the pods
before all other tests.
"""

import json
import time
from collections.abc import Iterator

import pytest

from lab import ROOT, toolchain
from lab.clients import Prometheus
from tests.dashboards.truth import compare, workload
from tests.support.cluster.cluster import Cluster, run, wait_for
from tests.support.cluster.monitoring import Monitoring, mode
from tests.support.dashboard.sources import PrometheusSource
from tests.support.dashboard.variables import TimeRange, resolve
from tests.support.documents import DOCUMENTS, data_panels
from tests.support.workload.objects import NAMESPACE, SERVICES, autoscaler, entries, objects, owner_groups
from tests.support.workload.recording import observed
from tests.support.workload.seen import WorkloadProof

PANELS = {panel["title"]: panel for panel in data_panels(DOCUMENTS["workload"])}
SPEED = 2
"""How many times faster the rules' windows pass: those of rates are then 150 s long."""
FILLED_SECONDS = 260
"""The window of rates, the time until the pods are scraped, an interval of the rules, and the time shown."""
TOLERANCE = 0.15
"""Tolerance of rates: cAdvisor looks at each container at times of its own, every 10 to 15 s, which is up to
a tenth of 150 s, and Prometheus asks the pods at other times, up to 10 s later."""
pytestmark = pytest.mark.timeout(FILLED_SECONDS + 200)


@pytest.fixture(scope="session")
def workloads(cluster: Cluster, image: str, monitoring: Monitoring) -> float:
    """The pods, and charts/slo with an entry for each workload; returns `time.monotonic()` at their start."""
    cluster.create_namespace(NAMESPACE)
    if mode() == "byo":  # kube-prometheus-stack has such rules itself
        metadata = {"name": "pod-owners", "namespace": NAMESPACE, "labels": monitoring.labels}
        rules = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata}
        cluster.apply({**rules, "spec": {"groups": owner_groups()}})
    values = {"global": {"monitoring": {"labels": monitoring.labels, "speed": SPEED}}, "services": entries()}
    command = [
        toolchain.helm(),
        "install",
        "levels",
        ROOT / "charts/slo",
        "--namespace",
        NAMESPACE,
        "--values",
        "-",
    ]
    run(command, given=json.dumps(values))
    cluster.apply(*objects(NAMESPACE, image), autoscaler(NAMESPACE))
    return time.monotonic()


@pytest.fixture(scope="module")
def prometheus(workloads, cluster: Cluster, monitoring: Monitoring) -> Iterator[Prometheus]:
    with cluster.forward("prometheus-operated", monitoring.namespace, 9090) as url:
        yield Prometheus(url)


@pytest.fixture(scope="module")
def proof(prometheus: Prometheus, cluster: Cluster, workloads: float, missing_part) -> WorkloadProof:
    """The pods once their rates are complete, and the last half minute of their dashboard."""
    before = round(time.monotonic() - workloads) + 60
    if prometheus.query(f'service:pod_restarts:total{{namespace="{NAMESPACE}"}}[1h] offset {before}s'):
        missing_part(
            "pods of a run within the last hour: their restarts would count too, so wait for an hour"
        )
    time.sleep(max(0.0, workloads + FILLED_SECONDS - time.monotonic()))
    end = float(prometheus.query("time()")[0]["value"][1])
    return WorkloadProof(
        **observed(cluster, NAMESPACE),
        source=PrometheusSource(prometheus),
        shown=TimeRange(end - 30, end, 10),
        window=f"{300 // SPEED}s",
        tolerance=TOLERANCE,
    )


@pytest.mark.usefixtures("workloads")
def test_the_workloads_start(cluster: Cluster):
    def started() -> bool:
        found = {pod["metadata"]["name"]: pod for pod in cluster.get("pods", namespace=NAMESPACE)["items"]}
        return {f"worker-{number}" for number in range(5)} <= found.keys()

    wait_for(started, 60, "every pod of the workloads exists")


def test_prometheus_has_the_targets_and_rules(prometheus: Prometheus):
    """The operator takes up the ServiceMonitors and PrometheusRules, and Prometheus may scrape the pods."""

    def scraped() -> bool:
        ours = [t for t in prometheus.targets() if t["labels"].get("namespace") == NAMESPACE]
        up = {t["labels"]["job"] for t in ours if t["health"] == "up"}
        return up == set(SERVICES)

    wait_for(scraped, 220, f"targets of {', '.join(SERVICES)} are up")
    faults = {rule["name"]: rule.get("lastError") for rule in prometheus.rules() if rule["health"] == "err"}
    assert faults == {}
    assert prometheus.query(f'service:pod:info{{namespace="{NAMESPACE}"}}')


def test_each_panel_has_an_expectation_and_each_expectation_a_panel():
    assert sorted(workload.PANELS.truths) == sorted(PANELS)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_shows_what_the_pods_used(panel: str, proof: WorkloadProof, fact):
    found = list(compare("workload", PANELS[panel], proof))
    assert found, "nothing was compared"
    assert [str(one) for one in found if one.differs] == []
    fact(
        f"workload: {panel} {len(found)} comparisons, such as {found[0].item}: expected {found[0].expected}, "
        f"got {found[0].got} ({found[0].tolerance})"
    )


def test_the_variables_offer_the_pods_of_the_service(proof: WorkloadProof):
    for view in workload.VIEWS:
        _, options = resolve(DOCUMENTS["workload"], proof.source, view.variables)
        for name, expected in workload.variables(proof.seen(view)).items():
            # There may be more: other namespaces, and pods of an earlier run.
            assert set(expected) <= set(options[name]), view
