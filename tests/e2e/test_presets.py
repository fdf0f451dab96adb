"""The API server accepts the objects of every preset: schemas, the CRDs' CEL rules, PodSecurity."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import ROOT
from lab.render.chart import render_chart
from tests.support.cluster.cluster import Cluster, CommandError, Object

NAMESPACE = "observability-e2e-presets"
PRESETS = sorted((ROOT / "ci").glob("*-values.yaml"))


@pytest.fixture(scope="module", autouse=True)
def namespace(cluster: Cluster) -> Iterator[None]:
    """A namespace that enforces PodSecurity `restricted`, because admission depends on the namespace."""
    cluster.create_namespace(NAMESPACE)
    yield
    cluster.delete_namespace(NAMESPACE, wait=False)


@pytest.fixture(scope="module")
def kinds(cluster: Cluster) -> set[tuple[str, str]]:
    """(apiVersion, kind) of every resource that the cluster serves."""
    listed = cluster.kubectl("api-resources", "--no-headers").splitlines()
    return {tuple(re.search(r"(\S+) +(?:true|false) +(\S+)", line).groups()) for line in listed}


ROUTE = {
    "storage-api": {
        "httpRoute": {
            "enabled": True,
            "parentRefs": [{"name": "public"}],
            "hostnames": ["storage.example.com"],
        },
        "certificate": {"enabled": True, "issuerRef": {"name": "letsencrypt"}},
    }
}


@pytest.mark.parametrize(
    ("files", "values"),
    [
        pytest.param([], {}, id="defaults"),
        *(pytest.param([path], {}, id=path.name.removesuffix("-values.yaml")) for path in PRESETS),
        pytest.param([], ROUTE, id="gateway"),
    ],
)
def test_every_object_is_accepted(cluster: Cluster, kinds, files: list[Path], values: Object, missing_part):
    render = render_chart(values, value_files=files, namespace=NAMESPACE)
    ours = [o for o in render.ours if (o["apiVersion"], o["kind"]) in kinds]
    warnings = cluster.apply(*ours, dry_run=True)
    assert "PodSecurity" not in warnings and "unknown field" not in warnings, warnings
    # The dependency's objects, if its package is in charts/. Some violate `restricted`: ignore the warnings.
    rest = [o for o in render.objects if o not in render.ours and (o["apiVersion"], o["kind"]) in kinds]
    if rest:
        cluster.apply(*rest, dry_run=True)
    if unknown := {f"{o['kind']} ({o['apiVersion']})" for o in render.objects if o not in [*ours, *rest]}:
        missing_part(f"the cluster does not serve {', '.join(sorted(unknown))}; the rest was accepted")


def test_an_object_that_breaks_a_cel_rule_is_refused(cluster: Cluster, kinds, missing_part):
    """Shows that the API server evaluates CEL: only a CEL rule forbids a redirect together with backends."""
    if ("gateway.networking.k8s.io/v1", "HTTPRoute") not in kinds:
        missing_part("the cluster does not serve HTTPRoute (gateway.networking.k8s.io/v1)")
    (route,) = render_chart(ROUTE, namespace=NAMESPACE).find("HTTPRoute")
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}
    route["spec"]["rules"][0]["filters"] = [redirect]
    with pytest.raises(
        CommandError, match="RequestRedirect filter must not be used together with backendRefs"
    ):
        cluster.apply(route, dry_run=True)
