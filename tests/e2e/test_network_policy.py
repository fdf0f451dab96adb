"""The NetworkPolicy, tested with connections from pods that it must allow and from one that it must block."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.cluster.cluster import Cluster, Object, Release, python_pod

NAMESPACE = "observability-e2e-policy"
ELSEWHERE = "observability-e2e-elsewhere"
PORT = 8000
METRICS_PORT = 9797


@pytest.fixture(scope="module")
def release(cluster: Cluster, chart: Path, image: str, image_values: Object) -> Iterator[Release]:
    """The storage API with a client in its namespace, and an outsider and a Prometheus in another one."""
    for namespace in (NAMESPACE, ELSEWHERE):
        cluster.create_namespace(namespace)
    values = {
        "kube-prometheus-stack": {"enabled": False},
        "storage-api": {
            "image": image_values,
            "store": {"type": "memory"},
            "metrics": {"port": METRICS_PORT},
            "serviceMonitor": {"enabled": False},
            "prometheusRule": {"enabled": False},
        },
    }
    release = Release(cluster, "platform", NAMESPACE, chart, values=values)
    cluster.start(
        python_pod("client", NAMESPACE, image),
        python_pod("outsider", ELSEWHERE, image),
        python_pod("scraper", ELSEWHERE, image, {"app.kubernetes.io/name": "prometheus"}),
    )
    release.install()
    yield release
    for namespace in (NAMESPACE, ELSEWHERE):
        cluster.delete_namespace(namespace, wait=False)


@pytest.fixture(scope="module")
def enforced(cluster: Cluster, release: Release, missing_part) -> None:
    """Require that the cluster enforces NetworkPolicies, tested with one that blocks all ingress."""
    address = ip(cluster, "outsider", ELSEWHERE)
    assert cluster.reaches("scraper", ELSEWHERE, address, PORT)
    cluster.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "closed", "namespace": ELSEWHERE},
            "spec": {"podSelector": {"matchLabels": {"app": "outsider"}}, "policyTypes": ["Ingress"]},
        }
    )
    for _ in range(20):
        if not cluster.reaches("scraper", ELSEWHERE, address, PORT):
            return
        time.sleep(0.5)
    missing_part("this cluster's network does not enforce NetworkPolicy")


def ip(cluster: Cluster, pod: str, namespace: str) -> str:
    return cluster.get("pod", pod, namespace)["status"]["podIP"]


@pytest.mark.parametrize(
    ("pod", "namespace", "allowed"),
    [
        pytest.param("client", NAMESPACE, {5000}, id="a-pod-of-the-namespace-reaches-the-api"),
        pytest.param("scraper", ELSEWHERE, {METRICS_PORT}, id="a-prometheus-elsewhere-reaches-the-metrics"),
        pytest.param("outsider", ELSEWHERE, set(), id="another-pod-elsewhere-reaches-nothing"),
    ],
)
@pytest.mark.usefixtures("enforced")
def test_ingress(release: Release, pod: str, namespace: str, allowed: set[int]):
    host = f"{release.service}.{NAMESPACE}"
    ports = (5000, METRICS_PORT)
    assert {port for port in ports if release.cluster.reaches(pod, namespace, host, port)} == allowed


def test_the_metrics_port_serves_only_metrics_and_the_api_port_none(release: Release):
    """Requests go through the API server, which bypasses the NetworkPolicy."""
    for port, statuses in (("http", (200, 404)), ("metrics", (404, 200))):
        with release.cluster.forward(release.service, NAMESPACE, port) as url:
            found = [
                requests.get(f"{url}{path}", timeout=10).status_code for path in ("/healthz", "/api/metrics")
            ]
        assert tuple(found) == statuses


@pytest.mark.usefixtures("enforced")
def test_egress_is_limited_to_dns(cluster: Cluster, release: Release):
    """The API's pod can resolve a name, but cannot connect to the address."""
    server = ip(cluster, "client", NAMESPACE)
    api = release.pods()[0]["metadata"]["name"]
    assert cluster.reaches("scraper", ELSEWHERE, server, PORT)
    assert not cluster.reaches(api, NAMESPACE, server, PORT)
    assert cluster.reaches("scraper", ELSEWHERE, "kubernetes.default.svc", 443)
    assert not cluster.reaches(api, NAMESPACE, "kubernetes.default.svc", 443)
