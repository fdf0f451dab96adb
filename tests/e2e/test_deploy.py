"""`make deploy` and `make smoke`: a deployment, its tests, and a failed deployment that is rolled back.

The tests build on each other and run in order.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import ROOT
from tests.support.cluster.cluster import Cluster, CommandError, Object, Release, is_ready, run, wait_for
from tests.support.cluster.monitoring import Monitoring

NAMESPACE = "observability-e2e-deploy"
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def release(cluster: Cluster, chart: Path, image_values: Object, monitoring: Monitoring) -> Iterator[Release]:
    """The release that the tests deploy, and its values."""
    cluster.create_namespace(NAMESPACE)
    values = {
        "global": {"monitoring": {"labels": monitoring.labels}},
        "tests": {"prometheusUrl": monitoring.prometheus_url},
        "kube-prometheus-stack": {"enabled": False},
        "storage-api": {"image": image_values},
    }
    yield Release(cluster, "platform", NAMESPACE, chart, values=values)
    cluster.delete_namespace(NAMESPACE, wait=False)


@pytest.fixture
def make(release: Release, tmp_path: Path) -> Callable[..., str]:
    """A function that runs `make` with a target, values for VALUES, and more variables."""

    def call(target: str, values: Object | None = None, **variables: str) -> str:
        file = tmp_path / "values.yaml"
        file.write_text(json.dumps(values or {}), encoding="utf-8")
        given = {"CHART": release.chart, "NAMESPACE": NAMESPACE, "VALUES": file, **variables}
        words = [f"{name}={value}" for name, value in given.items()]
        return run(["make", "--no-print-directory", "-C", ROOT, target, *words], seconds=360).stdout

    return call


def test_a_release_is_deployed_and_tested(release: Release, make, fact):
    make("deploy", release.values)
    output = make("smoke")
    assert "Phase:          Succeeded" in output, output
    fact(f"make deploy and make smoke: {output.count('Succeeded')} tests succeeded")


@pytest.mark.parametrize(("kind", "store"), [("StatefulSet", "filesystem"), ("Deployment", "memory")])
def test_a_failed_deployment_is_rolled_back(release: Release, make, kind: str, store: str, fact):
    values = copy.deepcopy(release.values)
    values["storage-api"]["store"] = {"type": store}
    make("deploy", values)
    (before,) = release.pods()
    assert kind in {one["kind"] for one in release.objects()}
    values["storage-api"]["image"] |= {"tag": "missing", "pullPolicy": "Never"}
    with pytest.raises(CommandError):
        make("deploy", values, ARGS="--timeout=20s")
    history = json.loads(release.helm("history", release.name, "--output=json").stdout)
    assert [one["status"] for one in history][-2:] == ["failed", "deployed"]

    def back() -> bool:
        pods = release.pods()
        images = [pod["spec"]["containers"][0]["image"] for pod in pods]
        return images == [before["spec"]["containers"][0]["image"]] and all(map(is_ready, pods))

    wait_for(back, 60, "the pod runs the image from before, and is ready")
    fact(f"make deploy with a missing image: the {kind} is rolled back")
