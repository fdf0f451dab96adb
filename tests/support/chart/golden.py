"""Contents of the golden files: a render shortened to the parts that a person reviews in a diff."""

import functools
from typing import Any

import yaml

from lab import ROOT
from lab.render.chart import DEPENDENCY, Render


def names(render: Render) -> set[str]:
    """`Kind name` of each of our objects."""
    return {f"{each['kind']} {each['metadata']['name']}" for each in render.ours}


def manifest(render: Render) -> str:
    """Our objects as YAML, sorted by kind and name, without secrets and without the chart's files."""
    objects = sorted(render.ours, key=lambda each: (each["kind"], each["metadata"]["name"]))
    return yaml.dump_all(map(_short, objects), Dumper=_Dumper, sort_keys=False, width=120)


def settings(render: Render) -> dict[str, Any]:
    """Values for kube-prometheus-stack from chart and preset, including its defaults if it was rendered."""
    return render.values.get(DEPENDENCY, {})


def as_text(values: dict[str, Any]) -> str:
    return yaml.dump(values, Dumper=_Dumper, sort_keys=True, width=120)


def missing(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Differences of `found` from `wanted`, one line each; extra keys in maps of `found` are allowed."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [line for key in wanted for line in missing(wanted[key], found.get(key), f"{path}.{key}")]
    return [] if wanted == found else [f"{path.lstrip('.')}: {found!r} instead of {wanted!r}"]


class _Dumper(yaml.SafeDumper):
    """Writes multi-line text as blocks, and repeats equal values instead of using anchors."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _short(document: dict[str, Any]) -> dict[str, Any]:
    if document["kind"] == "Secret":  # generated secrets differ between renders
        return {
            **document,
            **{key: _hidden(document[key]) for key in ("data", "stringData") if key in document},
        }
    if document["metadata"]["labels"].get("app.kubernetes.io/component") == "dashboard":
        return {**document, "data": {key: _dashboard(key, text) for key, text in document["data"].items()}}
    return _named(document)


def _dashboard(key: str, text: str) -> str:
    """The file of a dashboard, in parentheses; the text of a user's dashboard."""
    return f"(dashboards/{key})" if (ROOT / "dashboards" / key).is_file() else text


def _named(value: Any) -> Any:
    """Replace the text of each chart file in the value by the file's name in parentheses."""
    if isinstance(value, dict):
        return {key: _named(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each) for each in value]
    return _files().get(value.strip(), value) if isinstance(value, str) else value


@functools.cache
def _files() -> dict[str, str]:
    """Text -> name in parentheses, for each file that templates include."""
    patterns = ("files/*", "charts/storage-api/files/*")
    paths = [path for pattern in patterns for path in sorted(ROOT.glob(pattern)) if path.is_file()]
    return {path.read_text(encoding="utf-8").strip(): f"({path.relative_to(ROOT)})" for path in paths}


def _hidden(texts: dict[str, str]) -> dict[str, str]:
    return {name: f"({len(text)} characters)" for name, text in texts.items()}
