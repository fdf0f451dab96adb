"""Kinds of settings: what the text of each may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Kind(NamedTuple):
    """`allowed` says in words what a text may be; `read` makes it a value or raises ValueError.

    `show` makes of a text what an error may quote of it: a credential is never shown.
    """

    allowed: str
    read: Callable[[str], Any]
    show: Callable[[str], str] = repr

    def refusal(self, name: str, text: str) -> str:
        """The line that says that the setting `name` can't be `text`."""
        return f"{name}={self.show(text)} is not allowed: use {self.allowed}"


def hidden(_text: str) -> str:
    """Stands for a value that may be a credential."""
    return "***"


def integer(low: int, high: int) -> Kind:
    """A whole number from `low` to `high`."""

    def read(text: str) -> int:
        # int() alone would also take "1_0", " 1 " and digits of other scripts.
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise ValueError
        return int(text)

    return Kind(f"a whole number from {low} to {high}", read)


def one_of(*words: str) -> Kind:
    """One of `words`."""
    return _choice({word: word for word in words})


def names_of(allowed: Sequence[str]) -> Kind:
    """A tuple of names, all of them `allowed`; an empty text is none."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(name.strip() for name in text.split(",")) if text else ()
        if not set(names) <= set(allowed):
            raise ValueError
        return names

    return Kind(f"names, parted by commas, of {', '.join(allowed)}", read)


def matching(pattern: str, words: str) -> Kind:
    """A text that `pattern` matches as a whole; `words` say what that is."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return Kind(words, read)


def url(example: str) -> Kind:
    """The URL of a server, by http or https; it holds no credentials, and none are shown."""

    def read(text: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", text):
            raise ValueError
        _ = urlsplit(text).port  # Raises ValueError for one that is none.
        return text

    return Kind(f"a URL such as {example}", read, _without_credentials)


def _without_credentials(text: str) -> str:
    """`text`, quoted, without what may be a name and a password (before `@`) or a signature (after `?`)."""
    text = re.sub(r"^.*@", "***@", text, flags=re.DOTALL)
    return repr(re.sub(r"[?#].*", "?***", text, flags=re.DOTALL))


def _choice(values: dict[str, Any]) -> Kind:
    def read(text: str) -> Any:
        if text not in values:
            raise ValueError
        return values[text]

    return Kind(f"one of {', '.join(values)}", read)


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError
    return text


TEXT = Kind("printable text that is not empty", _printable)
PATH = Kind(TEXT.allowed, lambda text: Path(_printable(text)))
SWITCH = _choice({"true": True, "false": False})
SECONDS = integer(0, 3600)
ENDPOINT = url("https://storage.example.org")
