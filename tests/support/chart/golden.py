"""What is kept of a render in the golden files: text that a person reads in a diff."""

import functools
from typing import Any

import yaml

from lab import ROOT
from lab.render.chart import DEPENDENCY, Render


def names(render: Render) -> set[str]:
    """A line for each object of ours: its kind and name."""
    return {f"{each['kind']} {each['metadata']['name']}" for each in render.ours}


def manifest(render: Render) -> str:
    """Our objects, sorted by kind and name; its files are named, secrets left out."""
    objects = sorted(render.ours, key=lambda each: (each["kind"], each["metadata"]["name"]))
    return yaml.dump_all(map(_short, objects), Dumper=_Dumper, sort_keys=False, width=120)


def settings(render: Render) -> dict[str, Any]:
    """What the chart and the preset set of kube-prometheus-stack, and its defaults where it was rendered."""
    return render.values.get(DEPENDENCY, {})


def as_text(values: dict[str, Any]) -> str:
    return yaml.dump(values, Dumper=_Dumper, sort_keys=True, width=120)


def missing(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Where `found` differs from `wanted`; maps may have more."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [line for key in wanted for line in missing(wanted[key], found.get(key), f"{path}.{key}")]
    return [] if wanted == found else [f"{path.lstrip('.')}: {found!r} instead of {wanted!r}"]


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, and no anchors for what happens to be equal."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _short(document: dict[str, Any]) -> dict[str, Any]:
    if document["kind"] == "Secret":  # a generated one differs from render to render
        return {
            **document,
            **{key: _hidden(document[key]) for key in ("data", "stringData") if key in document},
        }
    return _named(document)


def _named(value: Any) -> Any:
    """The value with the chart's own files named instead of repeated."""
    if isinstance(value, dict):
        return {key: _named(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each) for each in value]
    return _files().get(value.strip(), value) if isinstance(value, str) else value


@functools.cache
def _files() -> dict[str, str]:
    """The name of each file that templates include, by its text."""
    patterns = ("dashboards/*.json", "files/*", "charts/storage-api/files/*")
    paths = [path for pattern in patterns for path in sorted(ROOT.glob(pattern)) if path.is_file()]
    return {path.read_text(encoding="utf-8").strip(): f"({path.relative_to(ROOT)})" for path in paths}


def _hidden(texts: dict[str, str]) -> dict[str, str]:
    return {name: f"({len(text)} characters)" for name, text in texts.items()}
