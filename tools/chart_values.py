"""A chart's values.yaml: each value with its description and its schema, from the comment above it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.definitions import Schema
from tools.misspelt_keys import refused
from tools.stack_names import ALIKE, FIRST_LEVEL

STACK = "kube-prometheus-stack"
SHARED = (STACK, "global")
"""Where the dependency has keys that we do not list."""
OURS = (("global", "monitoring"),)
"""What is ours alone there."""
INT32 = 2**31 - 1  # what Kubernetes takes
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

    def schema(self) -> Schema:
        """Strict; but beside the dependency's own keys, which are allowed, only typing errors are refused."""
        described: Schema = {"description": self.description} if self.description else {}
        if not self.children:
            kind = (
                {} if {"$ref", "type", "enum"} & self.annotation.keys() else {"type": type_of(self.default)}
            )
            rules = {**kind, **self.annotation}
            if rules.get("type") == "integer":
                rules.setdefault("maximum", INT32)
            if "$ref" in rules:  # its siblings would be ignored
                rules = {"allOf": [{"$ref": rules.pop("$ref")}], **rules}
            return {**described, "default": self.default, **rules}
        keys = {child.path[-1]: child.schema() for child in self.children}
        # Each key has a default; one is missing only where a null took it away, as Helm does.
        required = {"required": list(keys)}
        others: Schema = {"additionalProperties": False}
        if self.path == (STACK,):
            foreign = sorted(FIRST_LEVEL - keys.keys())
            # They say which was meant. For names that we do not set, one edit keeps every render cheaper.
            others["patternProperties"] = refused(keys, foreign) | refused(foreign, keys, 1)
            keys |= {name: {} for name in foreign}
        elif self.path[0] in SHARED and self.path not in OURS:
            edits = 2 if self.path[0] == STACK else 1  # `global` is shared with charts that we do not know
            others = {"patternProperties": refused(keys, ALIKE.get(self.path[1:], ()), edits)}
        return {**described, "type": "object", **others, **required, **self.annotation, "properties": keys}


def read(path: Path) -> list[Value]:
    """The values of a file; raises ValuesError."""
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

    try:
        return values(yaml.compose(text), ())
    except yaml.MarkedYAMLError as error:
        raise ValuesError(f"{path}:{error.problem_mark.line + 1}: {error.problem}") from error


def type_of(default: Any) -> str:
    """The JSON type of a default."""
    return _TYPES[type(default)]
