"""The values of a chart as a Markdown table."""

import json

from tools.chart_values import Value, type_of


def table(values: list[Value], prefix: str = "") -> str:
    """The values as a Markdown table; a map with a description has a row of its own."""
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
    """A value's type, or its allowed values."""
    rules = value.annotation
    if "enum" in rules:
        choices = (each if isinstance(each, str) else json.dumps(each) for each in rules["enum"])
        return _cell(", ".join(f"`{choice}`" for choice in choices))
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
