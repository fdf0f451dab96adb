"""Evaluation of CRDs' validation rules (CEL), as an API server does when an object is created."""

from collections.abc import Iterator
from typing import Any

import cel

RULES = "x-kubernetes-validations"
# CEL's reserved words, and an API server's escapes for characters that CEL identifiers cannot contain.
_RESERVED = {
    *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let"),
    *("loop", "namespace", "null", "package", "return", "true", "var", "void", "while"),
}
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}


def violations(document: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """The rules that a document violates, one line each with the field's path.

    A rule that cannot be evaluated counts as violated, as it does in a cluster. Transition rules (`oldSelf`)
    need an older object and are skipped.
    """
    return list(_broken(with_defaults(document, schema), schema, ""))


def rules(schema: Any) -> Iterator[str]:
    """Every rule of a schema that applies to new objects."""
    if isinstance(schema, dict):
        if isinstance(schema.get(RULES), list):
            yield from (each["rule"] for each in schema[RULES] if "oldSelf" not in each["rule"])
        for value in schema.values():
            yield from rules(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from rules(value)


def with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    """Fill the schema's defaults into a value, as an API server does before it validates."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        defaults = {key: each["default"] for key, each in properties.items() if "default" in each}
        return {key: with_defaults(each, _of(schema, key)) for key, each in {**defaults, **value}.items()}
    if isinstance(value, list):
        return [with_defaults(each, schema.get("items", {})) for each in value]
    return value


def _broken(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    for each in schema.get(RULES, ()):
        if "oldSelf" in each["rule"]:
            continue
        try:
            holds = cel.evaluate(each["rule"], {"self": _escaped(value, schema)})
        except Exception as error:  # any error means that the rule does not hold
            holds = error
        if holds is not True:
            yield f"{path or '/'}: {each.get('message') or each['rule']} ({holds})"
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _broken(child, _of(schema, key), f"{path}/{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _broken(child, schema.get("items", {}), f"{path}/{index}")


def _of(schema: dict[str, Any], key: str) -> dict[str, Any]:
    """The schema of a field or map entry; {} if unknown."""
    others = schema.get("additionalProperties")
    return schema.get("properties", {}).get(key) or (others if isinstance(others, dict) else {})


def _escaped(value: Any, schema: dict[str, Any]) -> Any:
    """Escape the field names of a value (but not the keys of maps) to valid CEL identifiers."""
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        return {
            _identifier(key) if key in fields else key: _escaped(each, _of(schema, key))
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_escaped(each, schema.get("items", {})) for each in value]
    return value


def _identifier(name: str) -> str:
    for text, escape in _ESCAPES.items():
        name = name.replace(text, escape)
    return f"__{name}__" if name in _RESERVED else name
