"""PromQL expressions with changed selectors: of a longer window, or of an earlier time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import promql_parser as promql

from bench.dashboards.promql import nodes, parse, unparsed


def widened(expr: str, function: str, window: timedelta) -> str:
    """A raw expression that sees a whole window: its ranges are widened, or else each selector gets one."""
    if any(type(node).__name__ == "MatrixSelector" for node in nodes(parse(expr))):
        return rewritten(
            expr,
            lambda selector, length, offset: (
                f"{selector}[{text(window)}]{offset}" if length and length < window else ""
            ),
        )
    return rewritten(expr, lambda selector, _, offset: f"{function}({selector}[{text(window)}]{offset})")


def shifted(expr: str, by: timedelta) -> str:
    """An expression as it was some time ago."""

    def change(selector: str, length: timedelta | None, offset: str) -> str:
        ago = parse(f"x{offset}").offset or timedelta()
        return f"{selector}{f'[{text(length)}]' if length else ''} offset {text(ago + by)}"

    return rewritten(expr, change)


def rewritten(expr: str, change: Callable[[str, timedelta | None, str], str]) -> str:
    """An expression with changed selectors.

    `change` gets each selector without its range and offset, then both, and returns another expression, or
    nothing to leave it as it is.
    """
    visited = 0  # selectors inside of what was returned, which are visited next

    def visit(node: Any) -> Any:
        nonlocal visited
        if not _is_selector(node):
            return None
        if visited:
            visited -= 1
            return None
        ranged = type(node).__name__ == "MatrixSelector"
        selector, _, offset = str(node.vector_selector if ranged else node).partition(" offset ")
        changed = change(selector, node.range if ranged else None, f" offset {offset}" if offset else "")
        tree = parse(changed) if changed else node
        visited = sum(map(_is_selector, nodes(tree)[1:]))
        return tree if changed else None

    return unparsed(promql.transform(parse(expr), visit))


def _is_selector(node: Any) -> bool:
    return type(node).__name__ in ("MatrixSelector", "VectorSelector")


def text(duration: timedelta) -> str:
    """A duration as PromQL has it."""
    return f"{round(duration / timedelta(milliseconds=1))}ms"
