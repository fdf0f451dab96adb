"""Faults: what can be made to go wrong for a drill, and the JSON that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_LATENCY_SECONDS = 60
MAX_FOR_SECONDS = 24 * 60 * 60
ERROR_STATUSES = (400, 500, 503)
"""What `error_status` may be: errors that every route of the API has, so that each counts on its route."""
STORES = ("refuse", "full")
"""What `store` may be: it refuses all that it is asked, or it has no room."""


class InvalidFault(ValueError):
    """A fault that cannot be set; `reasons` says for each field that is wrong what is allowed."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in reasons.items()))
        self.reasons = reasons


@dataclass(frozen=True)
class Fault:
    """What goes wrong; by default nothing does.

    error_ratio: share of the API's requests that are answered with an error, 0 to 1
    error_status: the status of those, one of ERROR_STATUSES
    latency_seconds: added to each of the API's requests, 0 to MAX_LATENCY_SECONDS
    store: one of STORES, or None
    threads: how many threads are taken from the API
    for_seconds: when it ends by itself, up to MAX_FOR_SECONDS; None: it does not
    """

    error_ratio: float = 0
    error_status: int = 503
    latency_seconds: float = 0
    store: str | None = None
    threads: int = 0
    for_seconds: float | None = None

    @property
    def active(self) -> dict[str, bool]:
        """Which kinds of faults this is, under the names that the metric has for them."""
        return {
            "error": self.error_ratio > 0,
            "latency": self.latency_seconds > 0,
            "store_refuse": self.store == "refuse",
            "store_full": self.store == "full",
            "threads": self.threads > 0,
        }


def read(document: Any, threads: int) -> Fault:
    """Make a fault of what was JSON, for an API of so many `threads`; raises InvalidFault.

    One thread is left to the API, so that a drill shows a slow service and not a dead one.
    """
    if not isinstance(document, dict):
        raise InvalidFault({"body": "a JSON object"})
    fields = {**_FIELDS, "threads": _whole_number(threads - 1, "THREADS less one")}
    reasons = {name: f"not known; known are {', '.join(fields)}" for name in document if name not in fields}
    for name, (allowed, is_allowed) in fields.items():
        if name in document and not is_allowed(document[name]):
            reasons[name] = allowed
    if reasons:
        raise InvalidFault(reasons)
    return Fault(**document)


Field = tuple[str, Callable[[Any], bool]]
"""What is allowed, in words and as a check."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(high: float) -> Field:
    return f"a number from 0 to {high}", lambda value: _is_number(value) and 0 <= value <= high


def _whole_number(high: int, why: str) -> Field:
    return f"a whole number from 0 to {high} ({why})", lambda value: type(value) is int and 0 <= value <= high


_FIELDS: dict[str, Field] = {
    "error_ratio": _number(1),
    "error_status": (
        f"one of {', '.join(map(str, ERROR_STATUSES))}",
        lambda value: type(value) is int and value in ERROR_STATUSES,
    ),
    "latency_seconds": _number(MAX_LATENCY_SECONDS),
    "store": (f"one of {', '.join(STORES)}, or null", lambda value: value in (*STORES, None)),
    "for_seconds": (
        f"a number above 0, up to {MAX_FOR_SECONDS}, or null",
        lambda value: value is None or (_is_number(value) and 0 < value <= MAX_FOR_SECONDS),
    ),
}
