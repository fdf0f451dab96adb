"""The same query on raw series: recorded series replaced by the expressions of their recording rules."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from typing import Any

import promql_parser as promql

from bench.dashboards.promql import Selector, matches, nodes, parse, seconds, selector, unparsed
from bench.dashboards.rewrite import shifted, widened

NOTHING = "vector(0) < 0"
"""An expression without a result: what is recorded by no rule."""


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
        with its own windows widened to the range: `rate(x[30d])`, which reads each raw sample of the range
        once. Raises ValueError for a recorded series with `@`.
        """
        return unparsed(promql.transform(parse(expr), self._visit))

    @functools.cache  # noqa: B019 - there are few, and they live as long as the run
    def selectors(self, expr: str) -> Counter[Selector]:
        """How often each selector occurs in the expression on raw series, without writing that."""
        found: Counter[Selector] = Counter()
        inside = 0  # nodes that belong to one that was counted
        for node in nodes(parse(expr)):
            if inside:
                inside -= 1
                continue
            match type(node).__name__:
                case "MatrixSelector":
                    inside = 1
                    one = selector(node)
                    over_time = self._recorded_selectors(node.vector_selector)
                    if over_time is None:
                        found[one] += 1
                    else:
                        found += _widened(over_time, one.window)
                case "SubqueryExpr":
                    inside = len(nodes(node.expr))
                    found += _widened(self.selectors(unparsed(node.expr)), seconds(node.range))
                case "VectorSelector":
                    recorded = self._recorded_selectors(node)
                    found += Counter([selector(node)]) if recorded is None else recorded
        return found

    def _recorded_selectors(self, node: Any) -> Counter[Selector] | None:
        """The selectors behind a recorded series; None for a scraped one."""
        if node.name not in self._rules:
            return None
        one = selector(node)
        found: Counter[Selector] = Counter()
        for rule in self._recording(node):
            for each, times in self.selectors(rule["expr"]).items():
                found[each._replace(offset=each.offset + one.offset)] += times
        return found

    def _recording(self, node: Any) -> list[dict[str, Any]]:
        """The rules that record what a selector selects."""
        if node.at:
            raise ValueError(f"{node}: a recorded series with @ has no counterpart here")
        return [
            rule
            for rule in self._rules[node.name]
            if all(
                matches(one, str(rule["labels"][one.name]))
                for one in node.matchers.matchers
                if one.name in rule.get("labels", {})
            )
        ]

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
            case "SubqueryExpr":
                return self.raw(unparsed(argument.expr))
        return None

    @functools.cache  # noqa: B019 - there are few, and they live as long as the run
    def _expanded(self, selector: str) -> str:
        """The expressions of all rules that record what a selector selects."""
        node = parse(selector)
        found = []
        for rule in self._recording(node):
            text = self.raw(rule["expr"])
            for name, value in rule.get("labels", {}).items():
                text = f'label_replace({text}, "{name}", "{value}", "", "")'
            found.append(text)
        text = " or ".join(found) or NOTHING
        return shifted(text, node.offset) if node.offset else text


def _widened(found: Counter[Selector], window: int) -> Counter[Selector]:
    """The selectors of an expression that was widened to a window."""
    ranged = any(one.window for one in found)
    wider: Counter[Selector] = Counter()
    for one, times in found.items():
        changed = one if ranged and not one.window else one._replace(window=max(one.window, window))
        wider[changed] += times
    return wider
