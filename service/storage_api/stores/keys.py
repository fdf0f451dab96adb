"""Keys of objects in a bucket: made from ids, decodable if the id fits, and in the order of the ids.

A key is `objects/` and the id's UTF-8 in base32hex without padding: an alphabet that every server accepts,
that survives case folding, and that sorts like the bytes. One segment of at most 255 characters also fits on
servers that keep objects as files. A longer id is cut, and its hash is added; the metadata have the whole id.
"""

from __future__ import annotations

import base64
import hashlib
import re

FOLDER = "objects"
WHOLE_BYTES = 155
"""The longest id that fits into a key, in 248 characters."""
CUT_BYTES = 115
"""How much of a longer id is in its key, in 184 characters; a dot and the hash's 64 characters follow. Ids
that are equal up to here are in no particular order."""

# Keeps a key from being a prefix of another, and sorts before anything that can follow in a longer id.
_END = "-"
_KEY = re.compile(rf"{FOLDER}/(?:(?P<whole>[0-9a-v]+){_END}|(?P<cut>[0-9a-v]{{184}})\.[0-9a-f]{{64}})")


def key_of(id: str) -> str:
    """The key of the object `id`."""
    data = id.encode()
    if len(data) <= WHOLE_BYTES:
        return f"{FOLDER}/{_encode(data)}{_END}"
    return f"{FOLDER}/{_encode(data[:CUT_BYTES])}.{hashlib.sha256(data).hexdigest()}"


def before(prefix: str) -> str:
    """Sorts before the keys of all ids that start with `prefix`, and after those of lesser ids."""
    return f"{FOLDER}/{_encode(prefix.encode()[:CUT_BYTES])}"


def bytes_of(key: str) -> tuple[bytes, bool]:
    """The UTF-8 of the id in `key`, and True if the id is whole; raises ValueError if `key` is not ours."""
    ours = _KEY.fullmatch(key)
    if ours is None:
        raise ValueError(f"{key!r} is not the key of an object")
    text = ours["whole"] or ours["cut"]
    data = base64.b32hexdecode(text.upper() + "=" * (-len(text) % 8))
    if ours["whole"] and key_of(data.decode()) != key:
        raise ValueError(f"{key!r} is not the key of its id")
    return data, bool(ours["whole"])


def _encode(data: bytes) -> str:
    return base64.b32hexencode(data).decode().rstrip("=").lower()
