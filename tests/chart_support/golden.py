"""What is kept of a render in the golden files: text that a person reads in a diff."""

import json
from typing import Any

import yaml

from lab.chart import DEPENDENCY, ROOT, Render


def names(render: Render) -> set[str]:
    """A line for each object: whose it is, its kind and name."""
    ours = {id(each) for each in render.ours}
    return {
        f"{'ours' if id(each) in ours else DEPENDENCY} {each['kind']} {each['metadata']['name']}"
        for each in render.objects
    }


def manifest(render: Render) -> str:
    """Our objects, sorted by kind and name; dashboards are named instead of repeated, secrets left out."""
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
            "data": {name: f"({len(text)} characters)" for name, text in document["data"].items()},
        }
    if document["kind"] != "ConfigMap":
        return document
    data = {
        key: f"(dashboards/{key})" if _is_dashboard(key, text) else text
        for key, text in document["data"].items()
    }
    return {**document, "data": data}


def _is_dashboard(name: str, text: str) -> bool:
    """Whether a text is the dashboard of that name in the repository."""
    path = ROOT / "dashboards" / name
    return path.is_file() and json.loads(text) == json.loads(path.read_text(encoding="utf-8"))
