"""The values as Markdown."""

import json

from tools.chart_values import Value, type_of


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
        words = (word if isinstance(word, str) else json.dumps(word) for word in rules["enum"])
        return _cell(", ".join(f"`{word}`" for word in words))
    reference = rules.get("$ref") or rules.get("items", {}).get("$ref")
    kind = reference.rpartition("/")[2].rpartition(".")[2] if reference else None
    if type_of(value.default) == "array":
        return f"list of {kind}" if kind else "list"
    if kind:
        return kind
    types = rules.get("type", type_of(value.default))
    return " or ".join(types) if isinstance(types, list) else types


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
