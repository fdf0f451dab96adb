"""Small faults in PromQL: each change of one place of an expression."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import promql_parser as promql

_BACKSLASH = "\ue000"
"""Stands for a backslash, which promql_parser does not escape again when it writes a string."""
_OPERATORS = {
    ">": "<", "<": ">", ">=": "<", "==": "!=", "!=": "==",
    "and": "or", "or": "and", "unless": "and",
    "+": "-", "-": "+", "*": "/", "/": "*",
}  # fmt: skip
FUNCTIONS: Mapping[str, Sequence[str]] = {
    "sum": ("avg", "max"), "count": ("sum",), "group": ("sum",), "max": ("sum",), "min": ("max",),
    "rate": ("increase",), "sum_over_time": ("avg_over_time",), "count_over_time": ("sum_over_time",),
    "present_over_time": ("absent_over_time",),
}  # fmt: skip
"""Other aggregations and functions for each."""
_WINDOWS = {"5m": "1h", "30m": "6h", "1h": "5m", "2h": "1d", "6h": "30m", "1d": "2h", "3d": "6h", "30d": "3d"}
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)("[^"]*")(?:, )?')


def changes(expr: str, functions: Mapping[str, Sequence[str]] = FUNCTIONS) -> Iterator[tuple[str, str]]:
    """Each change of one place in a PromQL expression, as (what, the whole expression)."""
    yield from _matchers(expr)
    tree = promql.parse(expr.replace("\\", _BACKSLASH))
    nodes: list[Any] = []
    promql.walk(tree, nodes.append)
    seen = {_text(tree)}
    for index, node in enumerate(nodes):
        for replacement in _replacements(node, functions):
            text = _text(_replaced(tree, index, replacement))
            if text not in seen:
                seen.add(text)
                yield f"{_text(node)} → {_text(replacement)}", text


def _text(node: Any) -> str:
    return " ".join(str(node).replace(_BACKSLASH, "\\").split())


def _replaced(tree: Any, index: int, replacement: str) -> Any:
    """The tree with its index-th node, in the order of `walk`, replaced."""
    count = -1

    def visit(_: Any) -> Any:
        nonlocal count
        count += 1
        return promql.parse(replacement) if count == index else None

    return promql.transform(tree, visit)


def _replacements(node: Any, functions: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Other expressions for one node."""
    text = str(node)
    match type(node).__name__:
        case "BinaryExpr":
            left, right = str(node.lhs), str(node.rhs)
            middle = text[len(left) : len(text) - len(right)]
            operator = middle.split()[0]
            for side in (node.lhs, node.rhs):
                if type(side).__name__ != "NumberLiteral":
                    yield str(side)
            yield f"{left} {middle.replace(operator, _OPERATORS.get(operator, operator), 1)} {right}"
            if " on (" in middle:
                yield f"{left} {operator} {right}"
        case "NumberLiteral":
            for value in (node.val * 1.1, node.val * 0.9) if node.val else (1,):
                yield f"{value:.12g}"
        case "AggregateExpr" | "Call":
            yield from _functions(node, functions)
        case "MatrixSelector":
            before, window = re.fullmatch(r"(.*)\[(\w+)\]", text, re.DOTALL).groups()
            yield f"{before}[{_WINDOWS.get(window, '7m')}]"
        case "VectorSelector":
            yield from _selectors(text)


def _functions(node: Any, functions: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Another aggregation or function, without `by`, and without a limit."""
    text = str(node)
    name = re.match(r"\w+", text)[0]
    for other in functions.get(name, ()):
        yield text.replace(name, other, 1)
    if name.startswith("clamp"):
        yield str(node.args[0])
    if " by (" in text.split("(", maxsplit=1)[0] + "(":
        yield re.sub(r"^(\w+) by \([^)]*\)", r"\1", text)


def _selectors(text: str) -> Iterator[str]:
    """Without its offset, and with another window or the other of all and bad requests."""
    name, rest, offset = re.fullmatch(r"([\w:]+)(\{.*\})?( offset \w+)?", text, re.DOTALL).groups()
    if offset:
        yield text.removesuffix(offset)
    if found := re.search(r"rate(\d+[mhd])$", name):
        yield f"{name.removesuffix(found[1])}{_WINDOWS.get(found[1], '5m')}{rest}{offset or ''}"
    if name.startswith("slo:bad_requests:"):
        yield text.replace("slo:bad_requests:", "slo:requests:", 1)
    elif name.startswith("slo:requests:"):
        yield text.replace("slo:requests:", "slo:bad_requests:", 1)


def _matchers(expr: str) -> Iterator[tuple[str, str]]:
    """Without each matcher, and with each pattern taken literally, wherever it occurs.

    In one selector alone a matcher is often redundant: an operand with the same labels selects for it.
    """
    for label, operator, value in dict.fromkeys(match.groups() for match in _MATCHER.finditer(expr)):
        matcher = re.escape(f"{label}{operator}{value}")
        yield f"without {label}{operator}{value}", _without(expr, matcher)
        if "~" in operator:
            literal = f"{label}{operator.replace('=~', '=').replace('!~', '!=')}{value}"
            yield f"{label}{operator}{value} as {literal}", expr.replace(f"{label}{operator}{value}", literal)


def _without(expr: str, matcher: str) -> str:
    return re.sub(rf"(?<=\{{){matcher}(?:, )?|, {matcher}(?=[,}}])", "", expr)
