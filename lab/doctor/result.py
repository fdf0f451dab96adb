"""The result of a check: a status, one line, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Its value is the sign that begins the line, as in `linkerd check`."""

    OK = "√"
    WARNING = "‼"
    FAILED = "×"  # noqa: RUF001 (the sign of `linkerd check`)


@dataclass(frozen=True)
class Result:
    status: Status
    text: str
    """One line: what was found."""
    hint: str = ""
    """One line: what to do; empty if all is well."""


def ok(text: str) -> Result:
    return Result(Status.OK, text)


def warn(text: str, hint: str) -> Result:
    """The release can be installed, but something will not work, or could not be checked."""
    return Result(Status.WARNING, text, hint)


def fail(text: str, hint: str) -> Result:
    """The install would fail, or would not do what it is for."""
    return Result(Status.FAILED, text, hint)


def listed(items: object, most: int = 5) -> str:
    """Distinct items, sorted and separated by commas; only the first `most` of a long list."""
    every = sorted({str(item) for item in items})
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
