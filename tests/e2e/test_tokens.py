"""Authentication with tokens from a Secret, and their rotation in a running pod.

The tests build on each other and run in order.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.cluster.cluster import Cluster, Object, Release, wait_for

NAMESPACE = "observability-e2e-tokens"
TOKENS = "storage-api-tokens"
OLD, NEW = "a-first-token-of-these-tests", "a-second-token-of-these-tests"
# Time limit for a changed Secret to reach the pod: the kubelet syncs every minute, from a cache equally old.
ROTATED_SECONDS = 150


def write_secret(cluster: Cluster, *tokens: str) -> None:
    """Create or replace the Secret with these tokens."""
    metadata = {"name": TOKENS, "namespace": NAMESPACE}
    tokens = "".join(f"{token}\n" for token in tokens)
    cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"tokens": tokens}}
    )


@pytest.fixture(scope="module")
def release(cluster: Cluster, chart: Path, image_values: Object) -> Iterator[Release]:
    """The storage API without monitoring; it accepts only the old token."""
    cluster.create_namespace(NAMESPACE)
    write_secret(cluster, OLD)
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


def test_helm_test_sends_a_token(release: Release):
    assert "GET /api/metrics: 200" in release.test()


def test_tokens_are_rotated_without_a_restart_or_a_gap(release: Release, fact):
    """Add the new token to the old one, then remove the old one."""
    (before,) = release.pods()
    with release.cluster.forward(release.service, NAMESPACE, "http") as url:
        assert [status(url, token) for token in ("", OLD, NEW)] == [401, 404, 401]
        for tokens, statuses in (((OLD, NEW), [404, 404]), ((NEW,), [401, 404])):
            write_secret(release.cluster, *tokens)
            started = time.monotonic()

            def in_effect(statuses: list[int] = statuses) -> bool:
                found = [status(url, token) for token in (OLD, NEW)]
                assert 404 in found, "neither token was accepted for a moment"
                return found == statuses

            wait_for(in_effect, ROTATED_SECONDS, f"the Secret with the tokens {tokens} takes effect")
            fact(f"tokens: a changed Secret takes effect after {time.monotonic() - started:.1f} s")
        assert status(url, "") == 401
    (after,) = release.pods()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert [each["restartCount"] for each in after["status"]["containerStatuses"]] == [0]
