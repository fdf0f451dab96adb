"""The versions of Helm and of the cluster."""

import re
import shutil
from pathlib import Path

from lab import ROOT
from lab.doctor.cluster import Cluster
from lab.doctor.result import Result, fail, ok, warn
from lab.render.chart import load_yaml
from lab.toolchain.install import WayError, version_of

NEWEST_TESTED = (1, 37)
"""The newest Kubernetes for whose schemas the chart is tested."""
OLDEST_HELM = (3, 12, 0)


def helm() -> Result:
    """Is the helm that `helm install` would run new enough?"""
    found = shutil.which("helm")
    if found is None:
        return warn(
            "helm is not on PATH",
            "install Helm 4; or make tools, which puts one into .tools for this repository",
        )
    try:
        version = version_of(Path(found), ("version",))
    except WayError as error:
        return fail(f"{found} can't be used: {error}", "install Helm 4")
    text = ".".join(map(str, version))
    if version < OLDEST_HELM:
        return fail(f"{found} is {text}: the chart needs Helm 4, or Helm 3.12 or newer", "install Helm 4")
    return ok(f"{text} ({found})")


def oldest_kubernetes() -> tuple[int, ...]:
    """The oldest version that Chart.yaml allows, such as (1, 25)."""
    allowed = load_yaml((ROOT / "Chart.yaml").read_text(encoding="utf-8"))["kubeVersion"]
    return tuple(int(part) for part in re.match(r">=(\d+)\.(\d+)", allowed).groups())


def minor(version: str) -> tuple[int, ...]:
    """(1, 35) for `v1.35.4` and for `v1.35.4-eks-1234567`."""
    return tuple(int(part) for part in re.match(r"v?(\d+)\.(\d+)", version).groups())


def kubernetes(cluster: Cluster) -> Result:
    """Is the cluster neither too old for the chart nor newer than what it is tested with?"""
    oldest, found = oldest_kubernetes(), minor(cluster.version)
    wanted = ".".join(map(str, oldest))
    if found < oldest:
        return fail(
            f"{cluster.version}: the chart needs {wanted} or newer, and helm install would refuse",
            "upgrade the cluster",
        )
    if found > NEWEST_TESTED:
        return warn(
            f"{cluster.version}: the chart is tested with versions up to {'.'.join(map(str, NEWEST_TESTED))}",
            "usually it works; look for a newer release of the chart",
        )
    return ok(f"{cluster.version} ({wanted} or newer is needed)")
