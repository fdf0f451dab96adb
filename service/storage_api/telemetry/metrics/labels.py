"""The label sets of HTTP metrics: a fixed table, so that no request adds a series."""

from __future__ import annotations

from typing import NamedTuple

from storage_api.routes import OTHER_METHOD, ROUTES, UNMATCHED, Statuses

Table = dict[str, Statuses]
"""{route: {method: statuses}}"""

TIMED: Table = {route.path: route.statuses for route in ROUTES if route.timed}
"""Routes that users wait for: counted and timed."""

UNTIMED: Table = {route.path: route.statuses for route in ROUTES if not route.timed} | {
    # Requests to no route of the table, and requests refused before their route was known.
    UNMATCHED: {OTHER_METHOD: (400, 401, 404, 413, 431, 499, 500, 501, 503, 507)},
}
"""Routes that are only counted."""


class LabelSet(NamedTuple):
    """The values of `path`, `method` and `status`."""

    path: str
    method: str
    status: str


def label_sets(table: Table) -> list[LabelSet]:
    """The rows of `table`, in its order."""
    return [
        LabelSet(route, method, str(status))
        for route, methods in table.items()
        for method, statuses in methods.items()
        for status in statuses
    ]


OTHER = LabelSet(UNMATCHED, OTHER_METHOD, "_OTHER")
"""Counts responses whose status is not in the table."""

_KNOWN = {(*labels[:2], int(labels.status)): labels for labels in label_sets(TIMED | UNTIMED)}


def fold(path: str, method: str, status: int) -> LabelSet:
    """The label set of a response: with OTHER_METHOD or UNMATCHED if the table lacks its own."""
    return (
        _KNOWN.get((path, method, status))
        or _KNOWN.get((path, OTHER_METHOD, status))
        or _KNOWN.get((UNMATCHED, OTHER_METHOD, status))
        or OTHER
    )
