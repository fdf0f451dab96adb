"""Which values kube-prometheus-stack knows, from its package."""

import re
import tarfile
from pathlib import Path
from typing import Any

import yaml
from chart_values import Value

STACK = "kube-prometheus-stack"


def dependency_keys(package: Path, values: list[Value]) -> dict[str, dict[str, str]]:
    """The keys that the dependency has in its values or names in its templates, at each level that we close.

    Only a default that is true or false says a key's type: others may be templates.
    """
    with tarfile.open(package) as archive:
        files = {
            member.name.removeprefix(f"{STACK}/"): archive.extractfile(member).read().decode()
            for member in archive
            if member.isfile() and re.search(r"values\.yaml$|/templates/", member.name)
        }
    defaults: dict[str, Any] = {}
    named: set[tuple[str, ...]] = set()
    for name, text in sorted(files.items(), key=lambda item: -item[0].count("/")):
        owner = tuple(re.findall(r"charts/([^/]+)/", name))
        if name.endswith("values.yaml"):
            _merge(defaults, _nested(owner, _load(text)))
        for path in re.findall(r"\.Values\.([\w.]+)", text):
            named |= {(*owner, *path.split(".")[:length]) for length in range(1, path.count(".") + 2)}
    known = {}
    for value in values:
        for level in value.walk():
            if not level.children or level.path[0] not in (STACK, "global"):
                continue
            below = level.path[1:] if level.path[0] == STACK else level.path
            at = defaults
            for key in below:
                at = at.get(key) or {}
            keys = {path[-1] for path in named if path[:-1] == below} | at.keys()
            if not below or (len(below) == 1 and f"charts/{below[0]}/values.yaml" in files):
                keys |= {"global"}
            known[".".join(level.path)] = {
                key: "boolean" if isinstance(at.get(key), bool) else "any" for key in sorted(keys)
            }
    return known


def _load(text: str) -> Any:
    class Loader(yaml.SafeLoader):
        """Takes `=`, a type of its own in YAML 1.1, for a string."""

    Loader.add_constructor("tag:yaml.org,2002:value", yaml.SafeLoader.construct_yaml_str)
    return yaml.load(text, Loader=Loader) or {}  # noqa: S506 (a safe loader)


def _nested(owner: tuple[str, ...], values: Any) -> dict[str, Any]:
    for key in reversed(owner):
        values = {key: values}
    return values


def _merge(into: dict[str, Any], values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
