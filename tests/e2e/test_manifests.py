"""The plain manifests of a preset, applied by kubectl into their own namespace and deleted again.

conftest.py runs the other tests between the start and the rest.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import ROOT
from lab.clients import Prometheus
from tests.support.cluster.cluster import MANAGED_BY, Cluster, Object, documents, is_ready, wait_for
from tests.support.cluster.monitoring import Monitoring, mode

MANIFESTS = ROOT / "deploy/manifests"
FILES = [MANIFESTS / "dashboards.yaml", *sorted((MANIFESTS / "byo-operator").glob("*.yaml"))]
NAMESPACE = "observability"
CONFIGURED_SECONDS = 220
pytestmark = [
    pytest.mark.timeout(CONFIGURED_SECONDS + 80),
    pytest.mark.skipif(mode() != "byo", reason="NOT TESTED in mode bundled: the preset byo-operator"),
]


@pytest.fixture(scope="session")
def objects(cluster: Cluster, monitoring: Monitoring, image: str) -> list[Object]:
    """The files' objects, changed as their README says: the label that Prometheus selects, and the image."""
    found = [o for file in FILES for o in documents(file.read_text(encoding="utf-8"))]
    for item in found:
        labels = item["metadata"].get("labels", {})
        if "release" in labels:
            del labels["release"]
            labels |= monitoring.labels
        if item["kind"] == "StatefulSet":
            (container,) = item["spec"]["template"]["spec"]["containers"]
            container["image"] = image
    return found


@pytest.fixture(scope="session")
def applied(cluster: Cluster, objects: list[Object], missing_part) -> float:
    """Everything is applied; returns `time.monotonic()` then. At the end the cluster's fixture cleans up."""
    found = cluster.get("namespace", selector=f"kubernetes.io/metadata.name={NAMESPACE}")["items"]
    if found and not MANAGED_BY.items() <= found[0]["metadata"]["labels"].items():
        missing_part(
            f"the namespace {NAMESPACE} for the manifests: there is one that these tests did not create"
        )
    cluster.create_namespace(NAMESPACE)
    warnings = cluster.apply(*objects)
    assert "PodSecurity" not in warnings, warnings
    return time.monotonic()


@pytest.fixture
def prometheus(applied, cluster: Cluster, monitoring: Monitoring) -> Iterator[Prometheus]:
    with cluster.forward("prometheus-operated", monitoring.namespace, 9090) as url:
        yield Prometheus(url)


def test_the_manifests_start(applied: float, cluster: Cluster, fact):
    def ready() -> bool:
        pods = cluster.get("pods", namespace=NAMESPACE)["items"]
        return bool(pods) and all(map(is_ready, pods))

    wait_for(ready, 90, "every pod of the manifests is ready")
    fact(f"manifests: ready {time.monotonic() - applied:.1f} s after kubectl apply")


def test_the_target_is_up_and_the_rules_are_loaded(prometheus: Prometheus, objects: list[Object], fact):
    def up() -> bool:
        ours = [t for t in prometheus.targets() if t["labels"].get("namespace") == NAMESPACE]
        return [t["health"] for t in ours] == ["up"]

    wait_for(up, CONFIGURED_SECONDS, "the target of the manifests is up")
    rules = [o for o in objects if o["kind"] == "PrometheusRule"]
    expected = {group["name"] for item in rules for group in item["spec"]["groups"]}
    files = tuple(f"{NAMESPACE}-{item['metadata']['name']}-" for item in rules)

    def loaded() -> bool:
        groups = prometheus.get("/api/v1/rules")["data"]["groups"]
        ours = [g for g in groups if Path(g["file"]).name.startswith(files)]
        healthy = {g["name"] for g in ours if all(rule["health"] == "ok" for rule in g["rules"])}
        return healthy == expected

    wait_for(loaded, CONFIGURED_SECONDS, f"the rule groups {', '.join(sorted(expected))} are healthy")
    fact(f"manifests: target up, {len(expected)} rule groups healthy")


def test_nothing_is_left_after_kubectl_delete(applied: float, objects: list[Object], cluster: Cluster):
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    cluster.kubectl("delete", "--filename=-", "--timeout=60s", given=manifest, seconds=70)
    default = {"serviceaccount/default", "configmap/kube-root-ca.crt"}
    listed = cluster.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    derived = ("events", "leases", "pods.metrics")
    kinds = ",".join(kind for kind in listed if not kind.startswith(derived))

    def left() -> set[str]:
        items = cluster.get(kinds, namespace=NAMESPACE)["items"]
        return {f"{item['kind'].lower()}/{item['metadata']['name']}" for item in items} - default

    wait_for(lambda: not left(), 60, "the namespace is as empty as before")
