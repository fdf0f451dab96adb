"""Tokens in a Secret: asked for, and replaced while the pod goes on; steps in order."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.cluster.cluster import Cluster, Object, Release, wait_for

NAMESPACE = "observability-e2e-tokens"
TOKENS = "storage-api-tokens"
OLD, NEW = "a-first-token-of-these-tests", "a-second-token-of-these-tests"
# The kubelet brings a changed Secret to its pods once a minute, from a cache as old.
ROTATED_SECONDS = 150


def keep(cluster: Cluster, *tokens: str) -> None:
    """Puts the tokens into the Secret."""
    metadata = {"name": TOKENS, "namespace": NAMESPACE}
    tokens = "".join(f"{token}\n" for token in tokens)
    cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"tokens": tokens}}
    )


@pytest.fixture(scope="module")
def release(cluster: Cluster, chart: Path, image_values: Object) -> Iterator[Release]:
    """The storage API alone, that asks for the old token."""
    cluster.create_namespace(NAMESPACE)
    keep(cluster, OLD)
    values = {
        "kube-prometheus-stack": {"enabled": False},
        "storage-api": {
            "image": image_values,
            "store": {"type": "memory"},
            "auth": {"existingSecret": TOKENS},
            "metrics": {"port": 9797},
            "serviceMonitor": {"enabled": False},
            "prometheusRule": {"enabled": False},
        },
    }
    release = Release(cluster, "platform", NAMESPACE, chart, values=values)
    release.install()
    yield release
    cluster.delete_namespace(NAMESPACE, wait=False)


def status(url: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"{url}/api/buckets/missing", headers=headers, timeout=10).status_code


def test_helm_test_brings_a_token(release: Release):
    assert "GET /api/metrics: 200" in release.test()


def test_a_secret_is_rotated_without_a_restart_or_a_gap(release: Release, fact):
    """The new token beside the old one, then alone."""
    (before,) = release.pods()
    with release.cluster.forward(release.service, NAMESPACE, "http") as url:
        assert [status(url, token) for token in ("", OLD, NEW)] == [401, 404, 401]
        for tokens, statuses in (((OLD, NEW), [404, 404]), ((NEW,), [401, 404])):
            keep(release.cluster, *tokens)
            began = time.monotonic()

            def counts(statuses: list[int] = statuses) -> bool:
                found = [status(url, token) for token in (OLD, NEW)]
                assert 404 in found, "no token was taken for a moment"
                return found == statuses

            wait_for(counts, ROTATED_SECONDS, f"tokens {tokens} count")
            fact(f"tokens: a changed Secret counts after {time.monotonic() - began:.1f} s")
        assert status(url, "") == 401
    (after,) = release.pods()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert [each["restartCount"] for each in after["status"]["containerStatuses"]] == [0]
