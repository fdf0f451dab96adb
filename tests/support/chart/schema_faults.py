"""Invalid values for the chart's JSON schema: for each value, an example of every way to get it wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.chart.schema_values import DEEP, Path, Reader, Schema, is_kubernetes, nested


@dataclass(frozen=True)
class Fault:
    """A values file with a single error."""

    kind: str
    """Kind of error: type, key, range, choice, pattern, length or items."""
    path: Path
    """Path of the wrong value."""
    value: Any

    @property
    def values(self) -> dict[str, Any]:
        return nested(self.path, self.value)

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}={self.value!r} ({self.kind})"


_EXAMPLES = {"string": "text", "integer": 7, "boolean": True, "array": ["text"], "object": {"key": "text"}}
_KIND_OF = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}


def faults(reader: Reader, schema: Schema | None = None, path: Path = (), depth: int = 0) -> Iterator[Fault]:
    """Yield an example of every way in which one value of a schema can be wrong."""
    node = reader.resolve(reader.root if schema is None else schema)
    if path:
        yield from (Fault("type", path, v) for v in _of_wrong_type(reader, node))
        yield from _out_of_range(node, path)
    properties = node.get("properties", {})
    # A map without a default is one whose names the chart checks, in the schema or in a template.
    if node.get("additionalProperties") is False or "default" not in node:
        yield from (
            Fault("key", (*path, typo), "text")
            for name in properties
            for typo in _typos(name)
            if typo not in properties
        )
    if depth < DEEP:
        below = depth + 1 if is_kubernetes(schema or {}) or depth else 0
        for name, child in properties.items():
            yield from faults(reader, child, (*path, name), below)


def _typos(name: str) -> Iterator[str]:
    """Misspell a name: one letter dropped, doubled, replaced, or swapped with the next."""
    middle = len(name) // 2
    before, letter, after = name[:middle], name[middle], name[middle + 1 :]
    yield before + after
    yield before + letter + letter + after
    yield before + ("z" if letter != "z" else "y") + after
    if after and after[0] != letter:
        yield before + after[0] + letter + after[1:]


def _types(reader: Reader, node: Schema) -> set[str]:
    """The JSON types that a schema allows; empty if it allows all."""
    if "enum" in node:
        return {_KIND_OF[type(each)] for each in node["enum"]}
    types = node.get("type", [])
    found = {types} if isinstance(types, str) else set(types)
    for branch in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        found |= _types(reader, reader.resolve(branch))
    return found


def _of_wrong_type(reader: Reader, node: Schema) -> Iterator[Any]:
    types = _types(reader, node)
    if types:
        for name, example in _EXAMPLES.items():
            if name not in types and not (name == "integer" and "number" in types):
                yield example


def _out_of_range(node: Schema, path: Path) -> Iterator[Fault]:
    if "enum" in node and "string" in {_KIND_OF[type(each)] for each in node["enum"]}:
        yield Fault("choice", path, f"{node['enum'][0]}x")
    if "minimum" in node:
        yield Fault("range", path, node["minimum"] - 1)
    if "maximum" in node:
        yield Fault("range", path, node["maximum"] + 1)
    if "exclusiveMinimum" in node:
        yield Fault("range", path, node["exclusiveMinimum"])
    if "exclusiveMaximum" in node:
        yield Fault("range", path, node["exclusiveMaximum"])
    if "pattern" in node:
        for text in ("-Ungültig!", "a b", "\n", ""):
            if not re.search(node["pattern"], text, re.ASCII):
                yield Fault("pattern", path, text)
                break
    if node.get("minLength"):
        yield Fault("length", path, "")
    if "maxLength" in node:
        yield Fault("length", path, "a" * (node["maxLength"] + 1))
    if node.get("minItems"):
        yield Fault("items", path, [])
