"""A chart's values.yaml, read with the description and the schema in the comment above each value."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.definitions import Schema

STACK = "kube-prometheus-stack"
SHARED = (STACK, "global")
"""Keys below which the dependency has values that we do not list."""
OURS = (("global", "monitoring"),)
"""Maps below SHARED that only this chart uses."""
INT32 = 2**31 - 1  # the largest integer in Kubernetes' own types
_MAP_KEYWORDS = {"$ref", "additionalProperties", "properties"}
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
    """The values below, if it is a map whose keys are described one by one."""

    def walk(self) -> "Iterator[Value]":
        """The value and all values below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def closed(self) -> bool:
        """True if the value may have no other children; below SHARED, a template looks for misspelt names."""
        return self.path[0] not in SHARED or self.path in OURS or not self.children

    def schema(self) -> Schema:
        """A schema that refuses unknown names if the value is closed."""
        described: Schema = {"description": self.description} if self.description else {}
        if not self.children:
            inferred = (
                {} if {"$ref", "type", "enum"} & self.annotation.keys() else {"type": type_of(self.default)}
            )
            rules = {**inferred, **self.annotation}
            if rules.get("type") == "integer":
                rules.setdefault("maximum", INT32)
            if "$ref" in rules:  # draft 7 ignores keywords beside a $ref
                rules = {"allOf": [{"$ref": rules.pop("$ref")}], **rules}
            return {**described, "default": self.default, **rules}
        keys = {child.path[-1]: child.schema() for child in self.children}
        # Each key has a default, so it is missing only if the user removed it with null.
        required = {"required": list(keys)}
        others: Schema = {"additionalProperties": False} if self.closed else {}
        return {**described, "type": "object", **others, **required, **self.annotation, "properties": keys}


def read(path: Path) -> list[Value]:
    """Read the values of a file; raises ValuesError."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()

    def values(node: yaml.MappingNode, above: tuple[str, ...]) -> list[Value]:
        return [value(key, content, above) for key, content in node.value]

    def value(key: yaml.Node, content: yaml.Node, above: tuple[str, ...]) -> Value:
        here = (*above, key.value)
        where = f"{path}:{key.start_mark.line + 1}: {'.'.join(here)}"
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
                raise ValuesError(f"{where}: its @schema line is not a YAML map on one line") from error
        description = " ".join(line for line in comment if not line.startswith("@schema"))
        default = yaml.safe_load(yaml.serialize(content))
        described_below = isinstance(content, yaml.MappingNode) and content.value
        if described_below and not _MAP_KEYWORDS & annotation.keys():
            return Value(here, default, description, annotation, values(content, here))
        if not description:
            raise ValuesError(f"{where} has no description above it")
        if default in ({}, []) and not {"items", *_MAP_KEYWORDS} & annotation.keys():
            raise ValuesError(f"{where}: an empty default needs an @schema line that describes its content")
        return Value(here, default, description, annotation, [])

    try:
        return values(yaml.compose(text), ())
    except yaml.MarkedYAMLError as error:
        raise ValuesError(f"{path}:{error.problem_mark.line + 1}: {error.problem}") from error


def type_of(default: Any) -> str:
    """The JSON type of a default."""
    return _TYPES[type(default)]
