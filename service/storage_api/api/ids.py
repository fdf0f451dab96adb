"""Validation of object ids."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

MAX_CHARACTERS = 255


class InvalidId(ValueError):
    """An id that is not allowed; the message says why."""


def check(id: str) -> str:
    """Return `id`, or raise InvalidId."""
    if not 1 <= len(id) <= MAX_CHARACTERS:
        raise InvalidId(f"an id must have 1 to {MAX_CHARACTERS} characters; this one has {len(id)}")
    if _has_controls(id):
        raise InvalidId("an id must not contain control characters")
    # Servers and proxies decode %2F before routing: the id would look like a longer path.
    if "/" in id:
        raise InvalidId("an id must not contain '/', not even encoded as %2F")
    return id


def check_path(id: str, environ: Mapping[str, str]) -> str:
    """Return `id`, the percent-decoded rest of the path, or raise InvalidId.

    `environ` is the request's WSGI environment. It shows what the id does not: the bytes behind a U+FFFD
    (PATH_INFO, in WSGI's latin-1), and whether "%2F" in the id was sent as %2F or as %252F (REQUEST_URI).
    """
    decode(environ["PATH_INFO"].encode("latin-1"))
    if "%2F" in id and "%2F" in environ.get("REQUEST_URI", "").partition("?")[0].upper():
        id = id.replace("%2F", "/")
    return check(id)


def decode(data: bytes) -> str:
    """Decode percent-decoded bytes as UTF-8; raises InvalidId."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidId("an id must be percent-encoded UTF-8") from None


def _has_controls(text: str) -> bool:
    # Fast path: most texts are entirely printable, and control characters never are.
    return not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text)
