"""Faults: what a drill makes go wrong, read from JSON and validated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_LATENCY_SECONDS = 60
MAX_FOR_SECONDS = 24 * 60 * 60
ERROR_STATUSES = (400, 500, 503)
"""Allowed values of `error_status`: statuses that every route of the API has, so a drill adds no series."""
STORES = ("refuse", "full")
"""Allowed values of `store`: it fails every operation, or has no room for new objects."""


class InvalidFault(ValueError):
    """A fault that is not allowed; `reasons` maps each wrong field to what is wrong with it."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in reasons.items()))
        self.reasons = reasons


@dataclass(frozen=True)
class Fault:
    """A fault to inject; by default nothing goes wrong.

    error_ratio: share of the API's requests that are answered with an error, 0 to 1
    error_status: status of these errors, one of ERROR_STATUSES
    latency_seconds: delay of each of the API's requests, 0 to MAX_LATENCY_SECONDS
    store: one of STORES, or None
    threads: number of the API's threads that are held up
    for_seconds: how long the fault lasts, up to MAX_FOR_SECONDS; None: until it is ended
    """

    error_ratio: float = 0
    error_status: int = 503
    latency_seconds: float = 0
    store: str | None = None
    threads: int = 0
    for_seconds: float | None = None

    @property
    def active(self) -> dict[str, bool]:
        """{kind of fault, as the metric names it: True if this is one}"""
        return {
            "error": self.error_ratio > 0,
            "latency": self.latency_seconds > 0,
            "store_refuse": self.store == "refuse",
            "store_full": self.store == "full",
            "threads": self.threads > 0,
        }


def read(document: Any, threads: int) -> Fault:
    """Make a fault from a JSON document, for an API with `threads` threads; raises InvalidFault.

    One thread is always left to the API, so that a drill makes the service slow and not dead.
    """
    if not isinstance(document, dict):
        raise InvalidFault({"body": "must be a JSON object"})
    fields = {**_FIELDS, "threads": _whole_number(threads - 1, "THREADS - 1")}
    reasons = {name: f"unknown field: use {', '.join(fields)}" for name in document if name not in fields}
    for name, (rule, is_allowed) in fields.items():
        if name in document and not is_allowed(document[name]):
            reasons[name] = rule
    if reasons:
        raise InvalidFault(reasons)
    return Fault(**document)


Field = tuple[str, Callable[[Any], bool]]
"""The error message for a value that is not allowed, and the check of a value."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(high: float) -> Field:
    return f"must be a number from 0 to {high}", lambda value: _is_number(value) and 0 <= value <= high


def _whole_number(high: int, why: str) -> Field:
    return (
        f"must be a whole number from 0 to {high} ({why})",
        lambda value: type(value) is int and 0 <= value <= high,
    )


_FIELDS: dict[str, Field] = {
    "error_ratio": _number(1),
    "error_status": (
        f"must be one of {', '.join(map(str, ERROR_STATUSES))}",
        lambda value: type(value) is int and value in ERROR_STATUSES,
    ),
    "latency_seconds": _number(MAX_LATENCY_SECONDS),
    "store": (f"must be one of {', '.join(STORES)}, or null", lambda value: value in (*STORES, None)),
    "for_seconds": (
        f"must be a number above 0, up to {MAX_FOR_SECONDS}, or null",
        lambda value: value is None or (_is_number(value) and 0 < value <= MAX_FOR_SECONDS),
    ),
}
