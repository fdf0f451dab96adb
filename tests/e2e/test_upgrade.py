"""Upgrades of the whole platform from the previous version: what people made by hand is kept.

With its package in charts/ (mode bundled), kube-prometheus-stack is upgraded too. Without it, an empty chart
stands in for it, and the silence is in the Alertmanager that the cluster has.

The tests build on each other and run in order.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import requests

from lab.clients import Alertmanager, Prometheus
from lab.render.chart import dependency_package, package_name
from tests.support.cluster.cluster import Cluster, CommandError, Object, Release, is_ready, wait_for
from tests.support.cluster.monitoring import Monitoring, mode, silence, site_value_files
from tests.support.previous import Previous

NAMESPACE = "observability-e2e-upgrade"
GRAFANA_ADMIN = ("secret", "observability-platform-grafana-admin")
"""Kind and name of the object with Grafana's password."""
CONFIGURED_SECONDS = 220
VOLUME = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
BUNDLED = {
    "nodeExporter": {"enabled": False},  # PodSecurity `restricted` forbids it
    "prometheus": {"prometheusSpec": {"storageSpec": {"volumeClaimTemplate": VOLUME}}},
    "alertmanager": {"alertmanagerSpec": {"storage": {"volumeClaimTemplate": VOLUME}}},
}
REPLACED_PODS = {
    "prometheus": {"prometheusSpec": {"logLevel": "warn"}},
    "alertmanager": {"alertmanagerSpec": {"logLevel": "warn"}},
}
"""Changes for which the operator replaces the pods of Prometheus and Alertmanager."""
pytestmark = pytest.mark.timeout(2 * CONFIGURED_SECONDS)


@pytest.fixture(scope="module")
def stack(cluster: Cluster, request: pytest.FixtureRequest) -> Monitoring:
    """The Prometheus and Alertmanager of this release, or those that the cluster has."""
    if mode() == "bundled":
        return Monitoring.bundled(cluster, NAMESPACE)
    return request.getfixturevalue("monitoring")


@pytest.fixture(scope="module")
def release(
    *,
    cluster: Cluster,
    stack: Monitoring,
    chart,
    image_values: Object,
    previous: Previous | None,
    install_previous: Callable[[Release], None],
    missing_part,
) -> Iterator[Release]:
    """The release. Revision 1 is the previous version; `chart` and `values` are those of this version."""
    if mode() == "bundled" and previous and not dependency_package(previous.root):
        missing_part(f"{package_name(previous.root)} is not in charts/: {previous.revision} needs it")
    cluster.create_namespace(NAMESPACE)
    values = {
        "global": {"monitoring": {"labels": stack.labels}},
        "alerting": {
            "enabled": stack.has_alertmanager,
            "receivers": {"default": {"config": {"webhookConfigs": [{"url": "https://alerts.example.com"}]}}},
            "critical": "default",
        },
        "storage-api": {"image": image_values},
        # A stand-in installs nothing, and makes the chart keep Grafana's password all the same.
        "kube-prometheus-stack": BUNDLED if mode() == "bundled" else {"enabled": not dependency_package()},
    }
    release = Release(cluster, "platform", NAMESPACE, chart, site_value_files(), values)
    install_previous(release)
    yield release
    cluster.delete_namespace(NAMESPACE)


@pytest.fixture(scope="module")
def made(release: Release, stack: Monitoring) -> Object:
    """What people made while the previous version ran."""
    wait_for(lambda: all_ready(release), CONFIGURED_SECONDS, "every pod is ready")
    with release.cluster.forward(release.service, NAMESPACE, "http") as url:
        requests.put(f"{url}/api/buckets/kept", data=b"kept", timeout=10).raise_for_status()
    if stack.has_alertmanager:
        with release.cluster.forward("alertmanager-operated", stack.namespace, 9093) as url:
            silence(Alertmanager(url), NAMESPACE)
    if mode() == "bundled":
        wait_for(lambda: first_sample(release, stack), CONFIGURED_SECONDS, "Prometheus has samples")
    return found(release, stack)


def all_ready(release: Release) -> bool:
    """True if there are pods, those that the operator creates included, and all of them are ready."""
    pods = release.cluster.get("pods", namespace=NAMESPACE)["items"]
    return bool(pods) and all(map(is_ready, pods))


def first_sample(release: Release, stack: Monitoring) -> float | None:
    """Time of the first sample that the release's own Prometheus has."""
    with release.cluster.forward("prometheus-operated", stack.namespace, 9090) as url:
        series = Prometheus(url).query("prometheus_build_info[1h]")
    return min((float(at) for one in series for at, _ in one["values"]), default=None)


def found(release: Release, stack: Monitoring) -> Object:
    """What an upgrade must keep: object, password, silences, samples, and the claims they are stored on."""
    state = {}
    cluster = release.cluster
    with cluster.forward(release.service, NAMESPACE, "http") as url:
        state["object"] = requests.get(f"{url}/api/buckets/kept", timeout=10).content
    if any((one["kind"].lower(), one["metadata"]["name"]) == GRAFANA_ADMIN for one in release.objects()):
        state["password"] = cluster.get(*GRAFANA_ADMIN, NAMESPACE)["data"]
    if stack.has_alertmanager:
        with cluster.forward("alertmanager-operated", stack.namespace, 9093) as url:
            silences = Alertmanager(url).get("/api/v2/silences")
        state["silences"] = {one["id"]: one["status"]["state"] for one in silences}
    if mode() == "bundled":
        state["first sample"] = first_sample(release, stack)
    claims = cluster.get("persistentvolumeclaims", namespace=NAMESPACE)["items"]
    state["claims"] = {one["metadata"]["name"]: one["metadata"]["uid"] for one in claims}
    return state


def test_there_is_something_to_keep(made: Object, release: Release, stack: Monitoring, fact):
    assert made["object"] == b"kept"
    assert len(made["claims"]) == (3 if mode() == "bundled" else 1)
    if stack.has_alertmanager:
        assert "active" in made["silences"].values()
    if "password" not in made:
        fact("GRAFANA'S PASSWORD: NOT TESTED, this release has no Grafana")


@pytest.mark.parametrize("option", ["--reuse-values", "--reset-then-reuse-values"])
def test_an_upgrade_keeps_what_people_made(
    *, release: Release, stack: Monitoring, made: Object, image_values: Object, option: str, fact
):
    """As most people upgrade: only the changes are given, the release's other values are kept."""
    changes = {"storage-api": {"image": image_values}}
    if mode() == "bundled" and option == "--reset-then-reuse-values":
        changes["kube-prometheus-stack"] = REPLACED_PODS
    pods = operators_pods(release)
    try:
        replace(release, value_files=()).upgrade(changes, option)
    except CommandError as error:
        # The old defaults lack a value that is new in this version; docs/upgrade.md tells what to do.
        if option != "--reuse-values" or "missing propert" not in str(error):
            raise
        history = release.helm("history", release.name).stdout
        assert "deployed" in history.splitlines()[-1], history
        fact(f"upgrade with --reuse-values is refused, nothing changed: {str(error).splitlines()[-1]}")
        return
    if "kube-prometheus-stack" in changes:
        wait_for(lambda: not pods & operators_pods(release), CONFIGURED_SECONDS, "the operator replaced pods")
    wait_for(lambda: all_ready(release), CONFIGURED_SECONDS, "every pod is ready")
    assert found(release, stack) == made
    fact(f"upgrade with {option}: kept {', '.join(made)}")


def test_a_rollback_keeps_it_too(release: Release, stack: Monitoring, made: Object, fact):
    pods = operators_pods(release)
    release.rollback(1)
    if pods:
        wait_for(lambda: not pods & operators_pods(release), CONFIGURED_SECONDS, "the operator replaced pods")
    wait_for(lambda: all_ready(release), CONFIGURED_SECONDS, "every pod is ready")
    assert found(release, stack) == made
    fact(f"rollback to the previous version: kept {', '.join(made)}")


def operators_pods(release: Release) -> set[str]:
    """The uids of the pods that the operator created for this release."""
    selector = "app.kubernetes.io/managed-by=prometheus-operator"
    pods = release.cluster.get("pods", namespace=NAMESPACE, selector=selector)["items"]
    return {pod["metadata"]["uid"] for pod in pods}
