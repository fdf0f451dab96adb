"""Renders the umbrella chart with Helm, from a temporary copy of its files.

Helm refuses to render while a dependency is missing, even a disabled one. Where the package of
kube-prometheus-stack is not in charts/, the copy gets an empty stand-in chart of the same name and version.
"""

import atexit
import functools
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from lab import ROOT
from lab.render.helm import run_helm

CHART = "observability-platform"
DEPENDENCY = "kube-prometheus-stack"
RELEASE = "platform"
NAMESPACE = "observability"

_CHART_FILES = ("Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json", ".helmignore", "LICENSE")
_VALUES_KIND = "RenderedValues"
_VALUES_TEMPLATE = "templates/rendered-values.yaml"
_OURS = tuple(f"{CHART}/{part}/" for part in ("templates", "charts/storage-api", "charts/slo"))
_SOURCE = re.compile(r"^---\n# Source: (\S+)\n", re.MULTILINE)


class RenderError(Exception):
    """Helm refused the chart or the values; the message is Helm's, in one line."""


class KubernetesLoader(yaml.CSafeLoader):
    """Reads YAML as Kubernetes does: `=` and dates are strings, and duplicate keys are errors."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate keys: {', '.join(sorted(twice))}")
        return super().construct_mapping(node, deep)


for tag in ("value", "merge"):  # `=`, and `<<` as a value
    KubernetesLoader.add_constructor(f"tag:yaml.org,2002:{tag}", yaml.CSafeLoader.construct_yaml_str)


def load_yaml(text: str) -> Any:
    """One YAML document as Kubernetes reads it; raises yaml.YAMLError."""
    return yaml.load(text, Loader=KubernetesLoader)  # noqa: S506 (a safe loader)


@dataclass(frozen=True)
class Render:
    """The output of `helm template`, in its order; hooks and tests are included."""

    objects: list[dict[str, Any]]
    sources: list[str]
    """The template of each object, such as `observability-platform/templates/dashboards-configmap.yaml`."""
    values: dict[str, Any]
    """The umbrella's values as Helm coalesced them, the dependencies' defaults included."""
    stand_in: bool
    """True if an empty chart stood in for kube-prometheus-stack."""
    warnings: list[str]
    """Helm's warnings on stderr, a line each."""

    @property
    def ours(self) -> list[dict[str, Any]]:
        """The objects made by the templates of the umbrella and of the charts in charts/."""
        return [o for o, source in zip(self.objects, self.sources, strict=True) if source.startswith(_OURS)]

    def find(self, kind: str, name: str | None = None) -> list[dict[str, Any]]:
        """The objects of a kind, optionally those with one name."""
        return [
            o for o in self.objects if o["kind"] == kind and (name is None or o["metadata"]["name"] == name)
        ]


def dependency_package(root: Path = ROOT) -> Path | None:
    """The package of kube-prometheus-stack in charts/, or None."""
    return next(iter(sorted((root / "charts").glob(f"{DEPENDENCY}-*.tgz"))), None)


def package_name(root: Path = ROOT) -> str:
    """The name of the package of kube-prometheus-stack that the chart at `root` needs in its charts/."""
    return f"{DEPENDENCY}-{_dependency_version(root)}.tgz"


def stage_chart(folder: Path, root: Path = ROOT) -> Path:
    """Copies the chart into an empty folder, with the stand-in if the dependency is missing."""
    for source in _sources(root):
        copy = folder / source.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy)
    if dependency_package(root) is None:
        _say_stand_in()
        stand_in = folder / "charts" / DEPENDENCY
        stand_in.mkdir(parents=True)
        (stand_in / "Chart.yaml").write_text(
            json.dumps({"apiVersion": "v2", "name": DEPENDENCY, "version": _dependency_version(root)}),
            encoding="utf-8",
        )
    return folder


def shared_chart(root: Path = ROOT) -> Path:
    """A read-only copy of the chart that also renders its values; made again only when a file changes."""
    stats = [(source, source.stat()) for source in _sources(root)]
    return _shared_copy(root, tuple((source, stat.st_mtime_ns, stat.st_size) for source, stat in stats))


@functools.cache
def _shared_copy(root: Path, _state: tuple[tuple[Path, int, int], ...]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="chart-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    stage_chart(folder, root)
    (folder / _VALUES_TEMPLATE).write_text(
        f"kind: {_VALUES_KIND}\nvalues: {{{{ .Values | toJson }}}}\n", encoding="utf-8"
    )
    return folder


def _sources(root: Path) -> Iterator[Path]:
    """The files that make up the chart at `root`."""
    yield from filter(Path.is_file, (root / name for name in _CHART_FILES))
    for name in ("templates", "charts", "files"):
        for folder, _, files in os.walk(root / name, followlinks=True):
            yield from (Path(folder, file) for file in files)
    yield from (root / "dashboards").glob("*.json")


def render_chart(
    values: Mapping[str, Any] | None = None,
    *,
    value_files: Iterable[str | Path] = (),
    show_only: Iterable[str] = (),
    kubernetes_version: str | None = None,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    helm: str | Path | None = None,
    root: Path = ROOT,
) -> Render:
    """Renders the chart as `helm template` does.

    `values` override `value_files`, and later files override earlier ones. `show_only` names templates
    relative to the chart (`templates/x.yaml`). Raises RenderError, and ToolError if there is no helm.
    """
    chart = shared_chart(root)
    command = ["template", release, chart, "--namespace", namespace]
    if kubernetes_version:
        command += ["--kube-version", kubernetes_version]
    for path in value_files:
        command += ["--values", path]
    if values:
        command += ["--values", "-"]
    shown = list(show_only)
    for template in [*shown, _VALUES_TEMPLATE] if shown else ():
        command += ["--show-only", template]
    given = json.dumps(values, ensure_ascii=False) if values else None
    done = run_helm(*command, given=given, helm=helm)
    if done.returncode != 0:
        raise RenderError(_one_line(done.stderr, chart))
    return _read(done.stdout, done.stderr, stand_in=dependency_package(root) is None)


def _read(manifest: str, messages: str, *, stand_in: bool) -> Render:
    """Splits Helm's output at its own `# Source:` lines."""
    objects: list[dict[str, Any]] = []
    sources: list[str] = []
    values: dict[str, Any] = {}
    pieces = _SOURCE.split(manifest)
    for source, text in zip(pieces[1::2], pieces[2::2], strict=True):
        try:
            document = load_yaml(text)
        except yaml.YAMLError as error:
            raise RenderError(f"{source}: {error}") from error
        if document is None:  # the template rendered only comments
            continue
        if document["kind"] == _VALUES_KIND:
            values = document["values"]
            continue
        objects.append(document)
        sources.append(source)
    return Render(objects, sources, values, stand_in, messages.splitlines())


def _one_line(stderr: str, chart: Path) -> str:
    """Helm's message without its prefixes, hints and our temporary paths."""
    lines = [line.strip().replace(f"{chart}/", "") for line in stderr.splitlines()]
    # Helm's schema errors name the first level by an empty path.
    lines = [line.replace("at '': ", "at the first level: ") for line in lines]
    noise = ("Use --debug", "level=")
    kept = [
        re.sub(r"^Error: (execution error at \([^)]*\): )?", "", line)
        for line in lines
        if line and not line.startswith(noise) and not line.endswith("'allOf' failed")
    ]
    return "; ".join(kept).replace(":; ", ": ") or "helm template failed without a message"


def _dependency_version(root: Path) -> str:
    chart = load_yaml((root / "Chart.yaml").read_text(encoding="utf-8"))
    return next(d["version"] for d in chart["dependencies"] if d["name"] == DEPENDENCY)


@functools.cache
def _say_stand_in() -> None:
    print(
        f"chart: {DEPENDENCY} is not in charts/, so an empty chart stands in for it (make deps downloads it)",
        file=sys.stderr,
    )
