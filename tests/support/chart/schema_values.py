"""Hypothesis strategies that draw valid values from the chart's JSON schema."""

import json
import pathlib
import re
import string
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]
Path = tuple[str, ...]

# Text that YAML reads as something else, such as a number, a map or a new document, unless it is quoted.
TRICKY = (
    "true", "no", "null", "~", "0", "007", "1e3", "1.0", "0x1F", "1_000", "12:30:45", "2020-01-01", "=", "<<",
    "- a", "a: b", "a #b", "#", "'", '"', "\\", "{{ .Values }}", "{a", "[a", "*a", "&a", "!a", "%a", "@a",
    "`a", "|", ">", "?", " a", "a ", "a\nb", "a\n---\nb", "\t", "é", "\U0001f9e8", "$(id)", "a,b", "null\n",
)  # fmt: skip
_PLAIN = st.text(string.ascii_lowercase, min_size=1, max_size=8)
_LARGE = 2**31 - 1
DEEP = 3


def chart_schema(root: pathlib.Path) -> Schema:
    """The umbrella chart's schema with the schemas of charts/ inserted, each with its own definitions."""
    schema = json.loads((root / "values.schema.json").read_text(encoding="utf-8"))
    for part in ("storage-api", "slo"):
        text = (root / "charts" / part / "values.schema.json").read_text(encoding="utf-8")
        inner = json.loads(text.replace('"#/definitions/', f'"#/definitions/{part}/'))
        schema["definitions"][part] = inner.pop("definitions")
        schema["properties"][part] = inner
    return schema


class Reader:
    """A schema, with methods that resolve its references and draw values from it."""

    def __init__(self, schema: Schema) -> None:
        self.root = schema

    def resolve(self, schema: Schema) -> Schema:
        """Merge a schema with the one it refers to (`$ref`) and with all of `allOf`."""
        while "$ref" in schema or "allOf" in schema:
            schema = dict(schema)
            parts = schema.pop("allOf", [])
            if reference := schema.pop("$ref", None):
                target = self.root
                for name in reference.removeprefix("#/").split("/"):
                    target = target[name.replace("~1", "/").replace("~0", "~")]
                parts = [target, *parts]
            for part in parts:
                schema = {**part, **schema}
        return schema

    def settings(self, schema: Schema | None = None, path: Path = ()) -> Iterator[tuple[Path, Schema]]:
        """Yield the path and schema of every value that a user may set: the leaves of the named properties.

        The schema of a key that the chart only knows by name has no type.
        """
        node = self.resolve(self.root if schema is None else schema)
        if node.get("properties") and not is_kubernetes(schema or {}):
            for name, child in node["properties"].items():
                yield from self.settings(child, (*path, name))
        elif path:
            yield path, node

    def valid(self, schema: Schema, depth: int = 0) -> st.SearchStrategy[Any]:
        """A strategy for values that a schema allows; objects with arbitrary keys get only a few."""
        if any(part.get("$ref", "").endswith(".Quantity") for part in (schema, *schema.get("allOf", ()))):
            return st.sampled_from(["1", "250m", "64Mi", "1.5Gi"])
        node = self.resolve(schema)
        if "const" in node:
            return st.just(node["const"])
        if "enum" in node:
            return st.sampled_from(node["enum"])
        for key in ("anyOf", "oneOf"):
            if key in node:
                rest = {name: value for name, value in node.items() if name != key}
                return st.one_of([self.valid({**rest, **self.resolve(each)}, depth) for each in node[key]])
        types = node.get("type", "object" if "properties" in node else "string")
        if isinstance(types, list):  # null means that the key is unset
            kinds = [each for each in types if each != "null"]
            return st.one_of([self.valid({**node, "type": each}, depth) for each in kinds])
        return getattr(self, f"_{types}")(node, depth)

    def _boolean(self, _node: Schema, _depth: int) -> st.SearchStrategy[bool]:
        return st.booleans()

    def _integer(self, node: Schema, _depth: int) -> st.SearchStrategy[int]:
        return st.integers(*_bounds(node)).map(int)

    def _number(self, node: Schema, _depth: int) -> st.SearchStrategy[float]:
        low, high = _bounds(node)
        exclusive = {"exclude_max": "exclusiveMaximum" in node, "exclude_min": "exclusiveMinimum" in node}
        return st.floats(node.get("minimum", low), node.get("exclusiveMaximum", high), **exclusive)

    def _string(self, node: Schema, _depth: int) -> st.SearchStrategy[str]:
        least, most = node.get("minLength", 0), node.get("maxLength", 200)
        pattern = node.get("pattern")
        takes = re.compile(pattern or "", re.ASCII)

        def fits(text: str) -> bool:
            # In Go, `$` matches only at the very end of the text, not before a final newline as in Python.
            return least <= len(text) <= most and bool(takes.search(text)) and not (pattern and "\n" in text)

        tricky = [text for text in TRICKY if fits(text)]
        drawn = st.from_regex(takes, alphabet=_ASCII).filter(fits) if pattern else _PLAIN.filter(fits)
        return st.one_of(drawn, st.sampled_from(tricky)) if tricky else drawn

    def _array(self, node: Schema, depth: int) -> st.SearchStrategy[list[Any]]:
        least = node.get("minItems", 0)
        most = least if depth >= DEEP else min(node.get("maxItems", least + 2), least + 2)
        unique = repr if node.get("uniqueItems") else None
        items = self._later(node.get("items", {}), depth)
        return st.lists(items, min_size=least, max_size=most, unique_by=unique)

    def _object(self, node: Schema, depth: int) -> st.SearchStrategy[dict[str, Any]]:
        properties = {name: {} for name in node.get("required", ())} | node.get("properties", {})
        others = node.get("additionalProperties", not properties)
        if properties or others is False:
            children = {name: self._later(child, depth) for name, child in properties.items()}
            required = set(node.get("required", ()))
            optional = sorted(children.keys() - required) if depth < DEEP else []
            chosen = st.sets(st.sampled_from(optional), max_size=2) if optional else st.just(set())
            return chosen.flatmap(
                lambda some: st.fixed_dictionaries({name: children[name] for name in sorted(required | some)})
            )
        keys = self.valid(node.get("propertyNames", {"type": "string", "pattern": "^[a-z]{1,8}$"}))
        child = others if isinstance(others, dict) else {"type": "string"}
        least, most = node.get("minProperties", 0), node.get("maxProperties", 2)
        return st.dictionaries(keys, self._later(child, depth), min_size=least, max_size=most)

    def _later(self, schema: Schema, depth: int) -> st.SearchStrategy[Any]:
        return st.deferred(lambda: self.valid(schema, depth + 1))


_ASCII = st.characters(min_codepoint=32, max_codepoint=126)


def is_kubernetes(schema: Schema) -> bool:
    """Tell if a schema is one of Kubernetes' types, whose value is set as a whole."""
    return any("/io.k8s." in part.get("$ref", "") for part in (schema, *schema.get("allOf", ())))


def _bounds(node: Schema) -> tuple[int, int]:
    low = node.get("minimum", node.get("exclusiveMinimum", -_LARGE - 1) + ("exclusiveMinimum" in node))
    high = node.get("maximum", node.get("exclusiveMaximum", _LARGE + 1) - 1)
    return low, high


def nested(path: Path, value: Any) -> dict[str, Any]:
    """The values that set a single value, such as {"a": {"b": value}} for the path ("a", "b")."""
    for name in reversed(path):
        value = {name: value}
    return value


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Merge values as Helm merges value files: maps are merged, everything else is replaced."""
    both = {**one, **other}
    for key in one.keys() & other.keys():
        if isinstance(one[key], dict) and isinstance(other[key], dict):
            both[key] = merged(one[key], other[key])
    return both
