"""The CustomResourceDefinitions of the custom kinds that the chart renders, as published by their projects.

Those of the prometheus-operator come from kube-prometheus-stack's package if it is in charts/. All others
come from the projects' Go modules, pinned in lab/toolchain/go/crds and verified by its go.sum.
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
"""API group -> (Go module with its definitions, path of a definition in the module)."""


def definition(group: str, kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind; raises LookupError if there is none, WayError without Go."""
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
    """The definition's YAML from kube-prometheus-stack's package; None if either is missing."""
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
    """Go module path -> its folder in Go's module cache; downloads the modules."""
    with tempfile.TemporaryDirectory(prefix="crds-") as temporary:
        main = golang.copy_module("crds", Path(temporary))
        printed = golang.run(["mod", "download", "-json"], main)
    found, decoder, at = {}, json.JSONDecoder(), 0
    while at < len(printed.rstrip()):
        module, end = decoder.raw_decode(printed, at)
        found[module["Path"]] = Path(module["Dir"])
        at = end + len(printed[end:]) - len(printed[end:].lstrip())
    return found
