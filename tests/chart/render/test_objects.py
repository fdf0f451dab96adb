"""The rendered objects: their names and labels, and that a cluster accepts them."""

import pytest

from dashboards import DASHBOARDS
from tests.support.chart.kube_schemas import errors, kubernetes_versions

OURS = {
    *(("ConfigMap", f"platform-dashboard-{name}") for name in DASHBOARDS),
    ("ConfigMap", "platform-storage-api"),
    ("NetworkPolicy", "platform-storage-api"),
    ("PersistentVolumeClaim", "platform-storage-api"),
    ("Pod", "platform-storage-api-test"),
    ("Pod", "platform-test-alertmanager"),
    ("Pod", "platform-test-grafana"),
    ("Pod", "platform-test-prometheus"),
    ("PrometheusRule", "platform-platform"),
    ("PrometheusRule", "platform-slo-platform-storage-api"),
    ("PrometheusRule", "platform-storage-api"),
    ("PrometheusRule", "platform-workloads"),
    ("Secret", "observability-platform-grafana-admin"),
    ("Service", "platform-storage-api"),
    ("Service", "platform-storage-api-headless"),
    ("ServiceAccount", "platform-storage-api"),
    ("ServiceMonitor", "platform-storage-api"),
    ("StatefulSet", "platform-storage-api"),
}
RECOMMENDED = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
}


def names(objects):
    return [(o["kind"], o["metadata"]["name"]) for o in objects]


def test_the_default_render_has_exactly_the_known_objects(default):
    assert sorted(names(default.ours)) == sorted(OURS)


def test_helm_prints_no_warnings(default):
    assert default.warnings == []


@pytest.mark.parametrize("version", kubernetes_versions())
def test_every_object_matches_its_schema(rendered, version):
    render = rendered(kubernetes_version=version)
    assert [line for o in render.objects for line in errors(o, version)] == []


def test_a_memory_store_runs_as_a_deployment_without_a_volume(rendered):
    render = rendered({"storage-api": {"store": {"type": "memory"}}})
    kinds = {kind for kind, _ in names(render.ours)}
    assert "Deployment" in kinds
    assert not kinds & {"StatefulSet", "PersistentVolumeClaim"}
    assert [line for o in render.ours for line in errors(o, kubernetes_versions()[-1])] == []


def test_every_object_of_ours_has_the_recommended_labels_and_the_namespace(default):
    for o in default.ours:
        metadata = o["metadata"]
        assert metadata["labels"].keys() >= RECOMMENDED, metadata["name"]
        assert metadata["labels"]["app.kubernetes.io/instance"] == "platform"
        assert metadata["labels"]["app.kubernetes.io/part-of"] == "observability-platform"
        assert metadata["namespace"] == "observability"


@pytest.mark.parametrize("release", ["p", "storage-api", "my-storage-api", "7", "a.b", "r" * 53])
def test_names_are_valid_and_distinct_for_any_release(rendered, release):
    """Names of Services are DNS labels of at most 63 characters, and no two objects share a name."""
    render = rendered(release=release, namespace="1" * 63)
    assert len(set(names(render.objects))) == len(render.objects)
    latest = kubernetes_versions()[-1]
    assert [line for o in render.ours for line in errors(o, latest)] == []
    for o in render.ours:
        assert len(o["metadata"]["name"]) <= (63 if o["kind"] in ("Service", "StatefulSet") else 253)
        assert all(len(str(value)) <= 63 for value in o["metadata"]["labels"].values())


def test_long_release_names_that_differ_at_the_end_do_not_collide(rendered):
    one, other = rendered(release="r" * 52 + "a"), rendered(release="r" * 52 + "b")
    shared = set(names(one.ours)) & set(names(other.ours))
    # The Secret belongs to the stack, of which a cluster has only one.
    assert shared == {("Secret", "observability-platform-grafana-admin")}
