"""Types of settings: which texts are allowed, and the values that they become."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class SettingType(NamedTuple):
    """The type of a setting.

    allowed: the allowed texts, in words
    read: turns a text into a value, or raises ValueError
    show: the part of a text that an error may quote; never a credential
    """

    allowed: str
    read: Callable[[str], Any]
    show: Callable[[str], str] = repr

    def refusal(self, name: str, text: str) -> str:
        """The error line for a setting `name` with the invalid value `text`."""
        return f"{name}={self.show(text)} is not allowed: use {self.allowed}"


def hidden(_text: str) -> str:
    """Show nothing of a value that may be a credential."""
    return "***"


def integer(low: int, high: int) -> SettingType:
    """A whole number from `low` to `high`."""

    def read(text: str) -> int:
        # int() alone would also take "1_0", " 1 " and digits of other scripts.
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise ValueError
        return int(text)

    return SettingType(f"a whole number from {low} to {high}", read)


def one_of(*words: str) -> SettingType:
    """One of `words`."""
    return _choice({word: word for word in words})


def comma_separated(allowed: Sequence[str]) -> SettingType:
    """A tuple of comma-separated names, each one of `allowed`; an empty text is an empty tuple."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(name.strip() for name in text.split(",")) if text else ()
        if not set(names) <= set(allowed):
            raise ValueError
        return names

    return SettingType(f"a comma-separated list of {', '.join(allowed)}", read)


def matching(pattern: str, words: str) -> SettingType:
    """A text that `pattern` matches entirely; `words` describe it."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return SettingType(words, read)


def url(example: str) -> SettingType:
    """The http or https URL of a server, without credentials; an error does not show any either."""

    def read(text: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", text):
            raise ValueError
        _ = urlsplit(text).port  # Raises ValueError for an invalid port.
        return text

    return SettingType(f"a URL such as {example}", read, _without_credentials)


def _without_credentials(text: str) -> str:
    """`text`, quoted, without a user and password (before `@`) or a signature (after `?`)."""
    text = re.sub(r"^.*@", "***@", text, flags=re.DOTALL)
    return repr(re.sub(r"[?#].*", "?***", text, flags=re.DOTALL))


def _choice(values: dict[str, Any]) -> SettingType:
    def read(text: str) -> Any:
        if text not in values:
            raise ValueError
        return values[text]

    return SettingType(f"one of {', '.join(values)}", read)


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError
    return text


TEXT = SettingType("printable text that is not empty", _printable)
PATH = SettingType(TEXT.allowed, lambda text: Path(_printable(text)))
SWITCH = _choice({"true": True, "false": False})
SECONDS = integer(0, 3600)
ENDPOINT = url("https://storage.example.org")
