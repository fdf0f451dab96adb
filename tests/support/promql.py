"""Facts about PromQL expressions: their selectors, and the labels that their results have."""

from collections.abc import Callable, Iterator

import promql_parser as promql

Of = Callable[[promql.VectorSelector], set[str] | None]
"""Gives the labels of selected series; None if they are unknown."""
_SETS = {"or", "and", "unless"}
# Aggregations that keep the labels of the series that they select.
_SELECT = {"topk", "bottomk", "limitk", "limit_ratio"}


def children(node: promql.Expr) -> list[promql.Expr]:
    """The expressions directly below this one."""
    if isinstance(node, promql.BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, promql.Call):
        return list(node.args)
    if isinstance(node, promql.AggregateExpr):
        return [node.expr, *([node.param] if node.param else [])]
    if isinstance(node, promql.MatrixSelector):
        return [node.vector_selector]
    return [node.expr] if hasattr(node, "expr") else []


def walk(node: promql.Expr) -> Iterator[promql.Expr]:
    """Yield an expression and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def selectors(node: promql.Expr) -> list[promql.VectorSelector]:
    """Every selector of an expression, those of ranges included."""
    return [found for found in walk(node) if isinstance(found, promql.VectorSelector)]


def labels(node: promql.Expr, of: Of = lambda _: None) -> set[str] | None:
    """The labels that the result can have; None if they are those of the selected series."""
    if isinstance(node, promql.VectorSelector):
        return of(node)
    if isinstance(node, promql.BinaryExpr):
        return _of_binary(node, of)
    if isinstance(node, promql.AggregateExpr):
        return _of_aggregate(node, of)
    if isinstance(node, promql.Call):
        return _of_call(node, of)
    if isinstance(node, promql.NumberLiteral | promql.StringLiteral):
        return set()
    below = children(node)
    return labels(below[0], of) if below else None


def _of_aggregate(node: promql.AggregateExpr, of: Of) -> set[str] | None:
    operator = str(node.op)
    if operator in _SELECT:
        return labels(node.expr, of)
    if node.modifier is None:
        kept: set[str] | None = set()
    elif node.modifier.type == promql.AggModifierType.By:
        kept = set(node.modifier.labels)
    else:
        kept = labels(node.expr, of)
    if kept is not None and operator == "count_values":
        kept.add(node.param.val)
    return kept


def _of_call(node: promql.Call, of: Of) -> set[str] | None:
    vectors = [arg for arg in node.args if not isinstance(arg, promql.NumberLiteral | promql.StringLiteral)]
    if not vectors:
        return set()
    kept = labels(vectors[0], of)
    if kept is not None and node.func.name in {"label_replace", "label_join"}:
        return kept | {node.args[1].val}
    return kept


def _of_binary(node: promql.BinaryExpr, of: Of) -> set[str] | None:
    left, right, operator = labels(node.lhs, of), labels(node.rhs, of), str(node.op)
    if operator == "or":
        return None if left is None or right is None else left | right
    if operator in _SETS or right == set():
        return left
    # Without labels it is a number.
    return right if left == set() else _of_match(left, right, node.modifier)


def _of_match(left: set[str] | None, right: set[str] | None, modifier: promql.BinModifier) -> set[str] | None:
    """The labels of an arithmetic operation between two vectors."""
    if modifier is None:
        return left
    if modifier.card == promql.VectorMatchCardinality.OneToMany:
        left = right
    if left is None:
        return None
    if modifier.card != promql.VectorMatchCardinality.OneToOne:
        return left | set(modifier.group_labels or ())
    if modifier.matching is None:
        return left
    named = set(modifier.matching.labels)
    return named if modifier.matching.type == promql.LabelModifierType.Include else left - named
