"""The CustomResourceDefinitions of the kinds that we render, as their projects publish them.

Those of kube-prometheus-stack come from its package where that is in charts/. All others come from their
projects' Go modules, which the module `crds` among the lab's pins names and go.sum verifies.
"""

import functools
import json
import re
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from lab.render.chart import dependency_package, load_yaml
from lab.toolchain import golang

_MODULES = {
    "monitoring.coreos.com": (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/{group}_{plural}.yaml",
    ),
    "gateway.networking.k8s.io": ("sigs.k8s.io/gateway-api", "config/crd/standard/{group}_{plural}.yaml"),
    "cert-manager.io": ("github.com/cert-manager/cert-manager", "deploy/crds/{group}_{plural}.yaml"),
}
"""API group -> the Go module that holds its definitions, and the file there."""


def definition(group: str, kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind; raises LookupError where none is known, WayError without Go."""
    plural = f"{kind.lower()}{'es' if kind.endswith('s') else 's'}"
    if group not in _MODULES:
        raise LookupError(kind)
    text = _of_dependency(plural) if group == "monitoring.coreos.com" else None
    if text is None:
        module, file = _MODULES[group]
        path = _sources()[module] / file.format(group=group, plural=plural)
        if not path.is_file():
            raise LookupError(kind)
        text = path.read_text(encoding="utf-8")
    return load_yaml(text)


def _of_dependency(plural: str) -> str | None:
    """The definition's YAML in kube-prometheus-stack's own package."""
    package = dependency_package()
    if package is None:
        return None
    with tarfile.open(package) as archive:
        for member in archive:
            if re.fullmatch(rf".*/charts/crds/crds/crd-{plural}\.yaml", member.name):
                return archive.extractfile(member).read().decode()
    return None


@functools.cache
def _sources() -> dict[str, Path]:
    """Module path -> its folder in Go's module cache."""
    with tempfile.TemporaryDirectory(prefix="crds-") as temporary:
        main = golang.copy_module("crds", Path(temporary))
        printed = golang.run(["mod", "download", "-json"], main)
    found, decoder, at = {}, json.JSONDecoder(), 0
    while at < len(printed.rstrip()):
        module, end = decoder.raw_decode(printed, at)
        found[module["Path"]] = Path(module["Dir"])
        at = end + len(printed[end:]) - len(printed[end:].lstrip())
    return found
