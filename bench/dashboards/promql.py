"""PromQL expressions: their syntax trees, and the selectors in them."""

from __future__ import annotations

import functools
import re
from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple

import promql_parser as promql

BACKSLASH = "\ue000"
"""Stands for a backslash, which promql_parser does not escape again when it writes a string."""


class Selector(NamedTuple):
    """A selector of an expression."""

    series: str
    """Its name and matchers."""
    window: int = 0
    """Its range in seconds; 0 for an instant vector."""
    offset: int = 0
    """In seconds."""
    at: str | float = ""
    """The modifier @: `start` or `end` of the query, or seconds since the epoch."""


def parse(expr: str) -> Any:
    """The syntax tree of an expression, with BACKSLASH for each backslash."""
    return promql.parse(expr.replace("\\", BACKSLASH))


def unparsed(tree: Any) -> str:
    """The expression of a syntax tree."""
    return str(tree).replace(BACKSLASH, "\\")


def nodes(tree: Any) -> list[Any]:
    """Every node of a syntax tree, each before its children."""
    found: list[Any] = []
    promql.walk(tree, found.append)
    return found


def names(expr: str) -> set[str]:
    """The names of all series in an expression."""
    return {node.name for node in nodes(parse(expr)) if type(node).__name__ == "VectorSelector"}


def selector(node: Any) -> Selector:
    """A node that is a selector, with or without a range."""
    vector = getattr(node, "vector_selector", node)
    at: str | float = ""
    if vector.at:
        at = vector.at.at.timestamp() if vector.at.at else str(vector.at).strip("@ ()")
    return Selector(
        unparsed(vector).split(" @ ")[0].split(" offset ")[0],
        seconds(node.range) if vector is not node else 0,
        seconds(vector.offset) if vector.offset else 0,
        at,
    )


def selectors(expr: str) -> Counter[Selector]:
    """How often each selector occurs. Raises ValueError for a subquery, whose samples are not calculated."""
    found: Counter[Selector] = Counter()
    inside = False
    for node in nodes(parse(expr)):
        match type(node).__name__:
            case "SubqueryExpr":
                raise ValueError(f"{expr}: the samples of a subquery are not calculated")
            case "MatrixSelector":
                found[selector(node)] += 1
                inside = True
            case "VectorSelector":  # if it is the one inside a range, it comes right after it
                if not inside:
                    found[selector(node)] += 1
                inside = False
    return found


def seconds(duration: timedelta) -> int:
    return round(duration.total_seconds())


def matches(matcher: Any, value: str) -> bool:
    """Tell if a label's value satisfies a matcher; a label that is missing has the value ``."""
    # In PromQL's strings, two backslashes stand for one.
    pattern = matcher.value.replace(2 * BACKSLASH, "\\")
    match str(matcher.op).rpartition(".")[2]:
        case "Equal":
            return value == pattern
        case "NotEqual":
            return value != pattern
        case "Re":
            return bool(regex(pattern).fullmatch(value))
        case "NotRe":
            return not regex(pattern).fullmatch(value)
    raise ValueError(f"unknown matcher {matcher}")


@functools.cache
def regex(pattern: str) -> re.Pattern[str]:
    """A pattern of a matcher, compiled."""
    return re.compile(pattern)
