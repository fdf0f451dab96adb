"""What an object's id may be."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

MAX_CHARACTERS = 255


class InvalidId(ValueError):
    """An id that is not allowed; the message is the reason."""


def check(id: str) -> str:
    """Return `id`, or raise InvalidId."""
    if not 1 <= len(id) <= MAX_CHARACTERS:
        raise InvalidId(f"an id has 1 to {MAX_CHARACTERS} characters, this one has {len(id)}")
    if _has_controls(id):
        raise InvalidId("an id has no control characters")
    # Servers and proxies decode %2F before they route: such an id could not be told from a longer path.
    if "/" in id:
        raise InvalidId("an id is one segment of the path: no '/', also not as %2F")
    return id


def check_path(id: str, environ: Mapping[str, str]) -> str:
    """Return `id`, the percent-decoded rest of the path, or raise InvalidId.

    `environ` is the request's WSGI environment. It holds what the id does not show: the bytes behind a U+FFFD
    (PATH_INFO, as WSGI's latin-1 text), and whether its "%2F" was sent as %2F or as %252F (REQUEST_URI).
    """
    decode(environ["PATH_INFO"].encode("latin-1"))
    if "%2F" in id and "%2F" in environ.get("REQUEST_URI", "").partition("?")[0].upper():
        id = id.replace("%2F", "/")
    return check(id)


def decode(data: bytes) -> str:
    """The text of percent-decoded bytes; raises InvalidId."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidId("an id is UTF-8 (percent-encoded)") from None


def _has_controls(text: str) -> bool:
    # Most texts are printable as a whole, which is found out at once; controls never are.
    return not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text)
