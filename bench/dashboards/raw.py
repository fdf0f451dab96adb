"""The same query on raw series: recorded series replaced by the expressions of their recording rules."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import promql_parser as promql

BACKSLASH = "\ue000"
"""Stands for a backslash, which promql_parser does not escape again when it writes a string."""


def parse(expr: str) -> Any:
    """The syntax tree of a PromQL expression, with BACKSLASH for each backslash."""
    return promql.parse(expr.replace("\\", BACKSLASH))


def nodes(tree: Any) -> list[Any]:
    """Every node of a syntax tree, each before its children."""
    found: list[Any] = []
    promql.walk(tree, found.append)
    return found


def milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))


class Rules:
    """The recording rules of a render."""

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        self._rules: dict[str, list[dict[str, Any]]] = {}
        for group in groups:
            for rule in group["rules"]:
                if "record" in rule:
                    self._rules.setdefault(rule["record"], []).append(rule)

    @property
    def names(self) -> set[str]:
        """The names of the recorded series."""
        return set(self._rules)

    def raw(self, expr: str) -> str:
        """The expression on raw series alone.

        A recorded series over a range, such as `sum_over_time(rate5m[30d])`, becomes the rule's expression
        with its own windows widened to the range: `rate(x[30d])`. No query on raw series could touch fewer
        samples and still see all of the range. Raises ValueError for a recorded series with an offset.
        """
        return str(promql.transform(parse(expr), self._visit)).replace(BACKSLASH, "\\")

    def _visit(self, node: Any) -> Any:
        match type(node).__name__:
            case "Call":
                for argument in node.args:
                    inner = self._over_time(argument)
                    if inner is not None:
                        return parse(f"({widened(inner, node.func.name, argument.range)})")
            case "VectorSelector" if node.name in self._rules:
                return parse(f"({self._expanded(str(node))})")
        return None

    def _over_time(self, argument: Any) -> str | None:
        """The raw expression inside a range of a recorded series; None for anything else."""
        match type(argument).__name__:
            case "MatrixSelector" if argument.vector_selector.name in self._rules:
                return self._expanded(str(argument.vector_selector))
            case "SubqueryExpr" if any(
                type(node).__name__ == "VectorSelector" and node.name in self._rules
                for node in nodes(argument.expr)
            ):
                return self.raw(str(argument.expr).replace(BACKSLASH, "\\"))
        return None

    @functools.cache  # noqa: B019 - there are few, and they live as long as the run
    def _expanded(self, selector: str) -> str:
        """The expressions of all rules that record what a selector selects."""
        node = promql.parse(selector)
        if node.offset or node.at:
            raise ValueError(f"{selector}: a recorded series with an offset has no counterpart here")
        found = []
        for rule in self._rules[node.name]:
            labels = rule.get("labels", {})
            matchers = [m for m in node.matchers.matchers if m.name in labels]
            if all(matches(m, str(labels[m.name])) for m in matchers):
                text = self.raw(rule["expr"])
                for name, value in labels.items():
                    text = f'label_replace({text}, "{name}", "{value}", "", "")'
                found.append(text)
        if not found:
            raise ValueError(f"no rule records {selector}")
        return " or ".join(found)


def matches(matcher: Any, value: str) -> bool:
    """Tell if a label's value satisfies a matcher; a label that is missing has the value ``."""
    pattern = matcher.value.replace(BACKSLASH, "\\")
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


def widened(expr: str, function: str, window: timedelta) -> str:
    """A raw expression that sees a whole window: its ranges are widened, or else each selector gets one."""
    span = f"{milliseconds(window)}ms"
    tree = parse(expr)
    if any(type(node).__name__ == "MatrixSelector" for node in nodes(tree)):

        def visit(node: Any) -> Any:
            if type(node).__name__ == "MatrixSelector" and node.range < window:
                inner = node.vector_selector
                bare = str(inner).split(" offset ")[0]
                offset = str(inner).removeprefix(bare)
                return parse(f"{bare}[{span}]{offset}")
            return None

        return str(promql.transform(tree, visit)).replace(BACKSLASH, "\\")

    inside = False

    def wrap(node: Any) -> Any:
        nonlocal inside
        if type(node).__name__ == "VectorSelector":
            inside = not inside  # the selector itself is visited next, as a child of its replacement
            if inside:
                bare = str(node).split(" offset ")[0]
                return parse(f"{function}({bare}[{span}]{str(node).removeprefix(bare)})")
        return None

    return str(promql.transform(tree, wrap)).replace(BACKSLASH, "\\")


@functools.cache
def regex(pattern: str) -> re.Pattern[str]:
    """A pattern of a matcher, compiled."""
    return re.compile(pattern)
