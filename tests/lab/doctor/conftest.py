"""Fixtures: a cluster that already runs another prometheus-operator, recorded from a real one and trimmed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.doctor.cluster import Cluster
from lab.doctor.connection import connect
from tests.support.kubernetes_api import KubernetesApi, kubeconfig


@pytest.fixture
def api() -> KubernetesApi:
    """The state of the API server, which a test may change before and while it is asked."""
    return KubernetesApi(Path(__file__).with_name("recorded.json"))


@pytest.fixture
def config(api, tmp_path) -> Iterator[Path]:
    """The kubeconfig for that server."""
    with api.serve() as url:
        yield kubeconfig(tmp_path / "kubeconfig", url)


@pytest.fixture
def cluster(config) -> Cluster:
    return Cluster(connect({"KUBECONFIG": str(config)}))
