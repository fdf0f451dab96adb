"""`make doctor` against a real cluster, before anything is installed there. It creates nothing."""

import os
import re
from pathlib import Path

import pytest
import yaml

from lab import ROOT, toolchain
from lab.doctor import run as doctor
from lab.doctor.plan import Pod
from lab.doctor.pod_security import violations
from lab.doctor.result import Status
from tests.support.cluster.cluster import Cluster, Object, run
from tests.support.cluster.monitoring import Monitoring, mode

NAMESPACE = "observability-e2e-doctor"
"""It does not exist."""


def examine(tmp_path: Path, values: Object) -> list[str]:
    """The lines of the checks, in this namespace, with the environment's KUBECONFIG."""
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    presets = [ROOT / "ci/byo-operator-values.yaml"] if mode() == "byo" else []
    lines: list[str] = []
    variables = {"NAMESPACE": NAMESPACE, "VALUES": " ".join(map(str, [*presets, path]))}
    doctor.run(lines.append, os.environ | variables)
    return lines


def settings(monitoring: Monitoring) -> Object:
    if mode() == "bundled":
        return {"kube-prometheus-stack": {"nodeExporter": {"enabled": False}}}
    return {"global": {"monitoring": {"labels": monitoring.labels}}}


def test_the_cluster_can_take_the_release(cluster: Cluster, monitoring: Monitoring, tmp_path: Path, fact):
    """What the other tests install afterwards."""
    lines = examine(tmp_path, settings(monitoring))
    assert not [line for line in lines if line.startswith(Status.FAILED)], lines
    assert sum(line[0] in {*Status} for line in lines) == len(doctor.FIRST) + len(doctor.CHECKS)
    fact(f"doctor: {lines[-1]}")


@pytest.mark.skipif(mode() == "bundled", reason="the cluster has no other Prometheus")
def test_labels_that_no_prometheus_selects_are_found(monitoring: Monitoring, tmp_path: Path):
    labels = dict.fromkeys(monitoring.labels, "of-nobody")
    lines = examine(tmp_path, {"global": {"monitoring": {"labels": labels}}})
    at = next(at for at, line in enumerate(lines) if line.startswith(f"{Status.FAILED} Selectors: "))
    assert all(f"{key}={value}" in lines[at + 1] for key, value in monitoring.labels.items())


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_the_api_server_rejects_the_same_pods(cluster: Cluster, level: str):
    """A dry run that makes a namespace enforce a standard warns of the existing pods that break it."""
    pods = cluster.get("pods")["items"]
    # Those of other tests come and go meanwhile.
    namespaces = {pod["metadata"]["namespace"] for pod in pods if "e2e" not in pod["metadata"]["namespace"]}
    assert namespaces
    for namespace in sorted(namespaces):
        label = f"pod-security.kubernetes.io/enforce={level}"
        command = ["label", "namespace", namespace, label, "--dry-run=server", "--overwrite"]
        said = run([toolchain.kubectl(), *command]).stderr
        # Pods with the same owner or the same faults are one warning: `name (and 2 other pods): faults`.
        warnings = re.findall(r"^Warning: ([^\s:]+)(?: \(and (\d+) other pods?\))?: ", said, re.MULTILINE)
        faults = {
            pod["metadata"]["name"]: violations(Pod("", namespace, pod["spec"], False), level)
            for pod in pods
            if pod["metadata"]["namespace"] == namespace
        }
        broken = {name for name, found in faults.items() if found}
        assert {name for name, _ in warnings} <= broken, f"{said}{faults}"
        assert sum(1 + int(others or 0) for _, others in warnings) == len(broken), f"{said}{faults}"
