"""Writes values.schema.json of both charts and docs/values.md from the comments in their values.yaml.

    python ci/schema.py             writes them
    python ci/schema.py --check     fails with a line for each that is not up to date
    python ci/schema.py --dependency charts/kube-prometheus-stack-88.5.3.tgz
                                    reads anew which keys the dependency knows, and writes them all

The comment above a value is its description. A line `# @schema {...}` in it holds JSON Schema keywords that
the default can't say; a map is closed, and goes on below, unless that line says what it holds. Beside what we
set of kube-prometheus-stack only keys that it knows are allowed: ci/dependency-keys.json has them.
"""

import argparse
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
STACK = "kube-prometheus-stack"
SUBCHART = "storage-api"
KEYS = ROOT / "ci/dependency-keys.json"
DOCUMENT = ROOT / "docs/values.md"
INT32 = 2**31 - 1  # what Kubernetes takes
DIALECT = "http://json-schema.org/draft-07/schema#"
Schema = dict[str, Any]

_LABEL = "([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
_HOST = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_DURATION = "".join(f"([1-9][0-9]*{unit})?" for unit in ("y", "w", "d", "h", "m", "s", "ms"))
_QUALIFIED = {"pattern": f"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_LABEL}$"}
DEFINITIONS: dict[str, Schema] = {
    "labels": {
        "type": "object",
        "propertyNames": _QUALIFIED,
        "additionalProperties": {"type": "string", "pattern": f"^{_LABEL}?$"},
    },
    "annotations": {
        "type": "object",
        "propertyNames": _QUALIFIED,
        "additionalProperties": {"type": "string"},
    },
    "duration": {"type": "string", "minLength": 2, "pattern": f"^{_DURATION}$"},
    "quantity": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$"},
    "host": {"type": "string", "maxLength": 253, "pattern": f"^(\\*\\.)?{_HOST}$"},
    "name": {"type": "string", "maxLength": 253, "pattern": f"^({_HOST})?$"},
    "registry": {"type": "string", "pattern": f"^({_HOST}(:[0-9]+)?(/[a-z0-9]+([._/-]+[a-z0-9]+)*)?)?$"},
    "datasource": {
        "type": "object",
        "required": ["name", "type", "uid"],
        "properties": {key: {"type": "string", "minLength": 1} for key in ("name", "type", "uid")},
    },
    "parentRef": {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "group": {"type": "string", "maxLength": 253},
            "kind": {"type": "string", "maxLength": 63, "pattern": "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"},
            "name": {"type": "string", "minLength": 1, "maxLength": 253},
            "namespace": {"type": "string", "maxLength": 63, "pattern": f"^{_HOST}$"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "sectionName": {"type": "string", "minLength": 1, "maxLength": 253},
        },
    },
}
_SAYS_WHAT_IT_HOLDS = {"$ref", "additionalProperties", "properties"}
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


class ValuesError(Exception):
    """A value without a description or a type: one line with the file, the line and the value."""


@dataclass(frozen=True)
class Value:
    """One key of a values.yaml."""

    path: tuple[str, ...]
    default: Any
    description: str
    annotation: Schema
    children: "list[Value]"
    """The keys below, where it is a map that goes on."""

    def walk(self) -> "Iterator[Value]":
        yield self
        for child in self.children:
            yield from child.walk()

    def schema(self, known: dict[str, dict[str, str]]) -> Schema:
        """`known`: the dependency's keys by dotted path, each with its type or `any`."""
        described: Schema = {"description": self.description} if self.description else {}
        if not self.children:
            kind = {} if {"$ref", "type", "enum"} & self.annotation.keys() else {"type": _type(self.default)}
            rules = {**kind, **self.annotation}
            if rules.get("type") == "integer":
                rules.setdefault("maximum", INT32)
            if "$ref" in rules:  # its siblings would be ignored
                rules = {"allOf": [{"$ref": rules.pop("$ref")}], **rules}
            return {**described, "default": self.default, **rules}
        others = known.get(".".join(self.path), {})
        foreign = {key: {} if kind == "any" else {"type": kind} for key, kind in others.items()}
        ours = {child.path[-1]: child.schema(known) for child in self.children}
        return {
            **described,
            "type": "object",
            "additionalProperties": False,
            **self.annotation,
            "properties": {**foreign, **ours},
        }


def read(path: Path) -> list[Value]:
    """The values of a file; raises ValuesError."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()

    def values(node: yaml.MappingNode, above: tuple[str, ...]) -> list[Value]:
        return [value(key, content, above) for key, content in node.value]

    def value(key: yaml.Node, content: yaml.Node, above: tuple[str, ...]) -> Value:
        here = (*above, key.value)
        where = f"{path.relative_to(ROOT)}:{key.start_mark.line + 1}: {'.'.join(here)}"
        comment = []
        for line in reversed(lines[: key.start_mark.line]):
            if not line.strip().startswith("#"):
                break
            comment.insert(0, line.strip().removeprefix("#").strip())
        annotation: Schema = {}
        for line in [each for each in comment if each.startswith("@schema")]:
            try:
                annotation |= yaml.safe_load(line.removeprefix("@schema"))
            except (yaml.YAMLError, TypeError) as error:
                raise ValuesError(f"{where}: its @schema line is no map in one line of YAML") from error
        description = " ".join(line for line in comment if not line.startswith("@schema"))
        default = yaml.safe_load(yaml.serialize(content))
        goes_on = isinstance(content, yaml.MappingNode) and content.value
        if goes_on and not _SAYS_WHAT_IT_HOLDS & annotation.keys():
            return Value(here, default, description, annotation, values(content, here))
        if not description:
            raise ValuesError(f"{where} has no description above it")
        if default in ({}, []) and not {"items", *_SAYS_WHAT_IT_HOLDS} & annotation.keys():
            raise ValuesError(f"{where}: an empty default needs an @schema line that says what it may hold")
        return Value(here, default, description, annotation, [])

    return values(yaml.compose(text), ())


def chart_schema(values: list[Value], known: dict[str, dict[str, str]], foreign: Schema) -> Schema:
    """The schema of a chart; `foreign` are the keys that are not its own."""
    properties = {**foreign, **{value.path[0]: value.schema(known) for value in values}}
    schema = {"$schema": DIALECT, "type": "object", "additionalProperties": False, "properties": properties}
    return {**schema, "definitions": dict(sorted(_definitions(schema).items()))}


def _definitions(schema: Schema) -> dict[str, Schema]:
    """What a schema refers to, Kubernetes' own types taken from its newest version's closed schemas."""
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema"
    newest = max(
        (tuple(map(int, match[1].split("."))), file)
        for file in folder.iterdir()
        if (match := re.fullmatch(r"v([\d.]+)-local-strict", file.name))
    )[1]
    kubernetes = json.loads((newest / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    found: dict[str, Schema] = {}
    waiting = set(_references(schema))
    while waiting:
        name = waiting.pop()
        found[name] = DEFINITIONS.get(name) or _without_prose(kubernetes[name])
        waiting |= set(_references(found[name])) - found.keys()
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/definitions/")
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _without_prose(schema: Any) -> Any:
    """A Kubernetes definition without what nothing checks, its references ours."""
    if isinstance(schema, list):
        return [_without_prose(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.replace("#/$defs/", "#/definitions/") if key == "$ref" else _without_prose(value)
        for key, value in schema.items()
        if not key.startswith("x-kubernetes-")
        and not (key in ("description", "format") and isinstance(value, str))
    }


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


def _type(default: Any) -> str:
    return _TYPES[type(default)]


def table(values: list[Value], prefix: str = "") -> str:
    """The values as a Markdown table, a map with a description as a row of its own."""
    rows = ["| Value | Type | Default | Description |", "| --- | --- | --- | --- |"]
    for value in (each for top in values for each in top.walk()):
        name = f"`{prefix}{'.'.join(value.path)}`"
        if value.children:
            if value.description:
                rows.append(f"| **{name}** | | | {_cell(value.description)} |")
            continue
        default = json.dumps(value.default, ensure_ascii=False)
        rows.append(f"| {name} | {_allowed(value)} | `{_cell(default)}` | {_cell(value.description)} |")
    return "\n".join(rows)


def _allowed(value: Value) -> str:
    """A value's type, or the words that it may be."""
    rules = value.annotation
    if "enum" in rules:
        return _cell(", ".join(f"`{word}`" for word in rules["enum"]))
    reference = rules.get("$ref") or rules.get("items", {}).get("$ref")
    kind = reference.rpartition("/")[2].rpartition(".")[2] if reference else None
    if _type(value.default) == "array":
        return f"list of {kind}" if kind else "list"
    if kind:
        return kind
    types = rules.get("type", _type(value.default))
    return " or ".join(types) if isinstance(types, list) else types


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def document(umbrella: list[Value], subchart: list[Value]) -> str:
    return f"""# Values

Written by `python ci/schema.py` from the comments in `values.yaml` and `charts/storage-api/values.yaml`. The
charts' `values.schema.json` come from there too: `helm lint` and `helm install` refuse what is not below.

## The platform

Every other value of kube-prometheus-stack and its charts can be given below `{STACK}` as well.

{table(umbrella)}

## The storage API

Given below `storage-api`.

{table(subchart, f"{SUBCHART}.")}
"""


def outputs(known: dict[str, dict[str, str]]) -> dict[Path, str]:
    """Each file that is written, with its content; raises ValuesError."""
    umbrella, subchart = read(ROOT / "values.yaml"), read(ROOT / f"charts/{SUBCHART}/values.yaml")
    # A subchart also gets what its parent says of it.
    from_parent = {"enabled": {"type": "boolean"}, "global": {"type": "object"}}
    described = [value for value in umbrella if value.path != (SUBCHART,)]
    whole = chart_schema(described, known, {SUBCHART: {"type": "object"}})
    return {
        ROOT / "values.schema.json": json.dumps(whole, indent=1) + "\n",
        ROOT / f"charts/{SUBCHART}/values.schema.json": json.dumps(
            chart_schema(subchart, {}, from_parent), indent=1
        )
        + "\n",
        DOCUMENT: document(umbrella, subchart),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail if anything is not up to date"
    )
    parser.add_argument("--dependency", type=Path, help="the package of kube-prometheus-stack")
    arguments = parser.parse_args()
    try:
        written: dict[Path, str] = {}
        if arguments.dependency:
            known = dependency_keys(arguments.dependency, read(ROOT / "values.yaml"))
            written[KEYS] = json.dumps(known, indent=1) + "\n"
        else:
            known = json.loads(KEYS.read_text(encoding="utf-8"))
        written |= outputs(known)
    except (ValuesError, OSError, tarfile.TarError) as error:
        print(error, file=sys.stderr)
        return 1
    stale = [path for path, text in written.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        if arguments.check:
            print(f"{path.relative_to(ROOT)} is not up to date: run `python ci/schema.py`", file=sys.stderr)
        else:
            path.write_text(written[path], encoding="utf-8")
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
