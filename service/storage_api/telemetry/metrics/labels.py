"""The label sets of HTTP metrics: one table, so that their number is the same from the start for ever."""

from __future__ import annotations

from typing import NamedTuple

from storage_api.telemetry.exchange import OTHER_METHOD, UNMATCHED

OBJECT = "/api/buckets/<id>"
LISTING = "/api/buckets"

_READ = {"GET": (200, 400), "HEAD": (200, 400), "OPTIONS": (200,), OTHER_METHOD: (405,)}

TIMED: dict[str, dict[str, tuple[int, ...]]] = {
    OBJECT: {
        "GET": (200, 206, 304, 400, 404, 412, 416, 499, 500, 503),
        "HEAD": (200, 304, 400, 404, 412, 500, 503),
        "PUT": (200, 400, 412, 413, 500, 503, 507),
        "DELETE": (200, 400, 412, 500, 503),
        "OPTIONS": (200,),
        OTHER_METHOD: (405,),
    },
    LISTING: {
        "GET": (200, 400, 500, 503),
        "HEAD": (200, 400, 500, 503),
        "OPTIONS": (200,),
        OTHER_METHOD: (405,),
    },
}
"""{route: {method: statuses}} of what users wait for: counted and timed."""

UNTIMED: dict[str, dict[str, tuple[int, ...]]] = {
    "/healthz": _READ,
    "/readyz": _READ | {"GET": (200, 400, 503), "HEAD": (200, 400, 503)},
    "/metrics": _READ,
    "/api/metrics": _READ,
    "/openapi.json": _READ,
    "/faults": _READ | {"PUT": (200, 400, 503), "DELETE": (200, 400)},
    # What is not in the table, and what was refused before it had a route.
    UNMATCHED: {OTHER_METHOD: (400, 401, 404, 413, 431, 499, 500, 501, 503, 507)},
}
"""{route: {method: statuses}} of what is only counted."""


class LabelSet(NamedTuple):
    """The values of `path`, `method` and `status`."""

    path: str
    method: str
    status: str


def label_sets(table: dict[str, dict[str, tuple[int, ...]]]) -> list[LabelSet]:
    """The rows of `table`, in its order."""
    return [
        LabelSet(route, method, str(status))
        for route, methods in table.items()
        for method, statuses in methods.items()
        for status in statuses
    ]


OTHER = LabelSet(UNMATCHED, OTHER_METHOD, "_OTHER")
"""What counts a status that the table lacks."""

_KNOWN = {(*labels[:2], int(labels.status)): labels for labels in label_sets(TIMED | UNTIMED)}


def fold(path: str, method: str, status: int) -> LabelSet:
    """The label set under which a response counts."""
    return (
        _KNOWN.get((path, method, status))
        or _KNOWN.get((path, OTHER_METHOD, status))
        or _KNOWN.get((UNMATCHED, OTHER_METHOD, status))
        or OTHER
    )
