"""An object's key in a bucket: made of its id, readable back where it fits, and in the same order.

A key is `objects/` and the id's UTF-8 in base32hex without padding: an alphabet that every server takes and
none folds, and whose order is that of the bytes. One segment of at most 255 characters fits wherever keys are
files. A longer id is cut, and told from its like by its hash; its object's metadata have it whole.
"""

from __future__ import annotations

import base64
import hashlib
import re

FOLDER = "objects"
WHOLE_BYTES = 155
"""The longest id that a key has whole, in 248 characters."""
CUT_BYTES = 115
"""What a key has of a longer id, in 184 characters; a dot and 64 of the hash follow. Ids that are alike up to
here are in no particular order."""

# Keeps a key from being the beginning of another, and sorts before all that can follow in a longer id.
_END = "-"
_KEY = re.compile(rf"{FOLDER}/(?:(?P<whole>[0-9a-v]+){_END}|(?P<cut>[0-9a-v]{{184}})\.[0-9a-f]{{64}})")


def key_of(id: str) -> str:
    """The key of the object `id`."""
    data = id.encode()
    if len(data) <= WHOLE_BYTES:
        return f"{FOLDER}/{_encode(data)}{_END}"
    return f"{FOLDER}/{_encode(data[:CUT_BYTES])}.{hashlib.sha256(data).hexdigest()}"


def before(prefix: str) -> str:
    """What sorts before the key of every id that starts with `prefix`, and after those of lesser ids."""
    return f"{FOLDER}/{_encode(prefix.encode()[:CUT_BYTES])}"


def bytes_of(key: str) -> tuple[bytes, bool]:
    """The UTF-8 of the id that `key` is of, and whether it is whole; raises ValueError for no key of ours."""
    ours = _KEY.fullmatch(key)
    if ours is None:
        raise ValueError(f"{key!r} is no key of an object")
    text = ours["whole"] or ours["cut"]
    data = base64.b32hexdecode(text.upper() + "=" * (-len(text) % 8))
    if ours["whole"] and key_of(data.decode()) != key:
        raise ValueError(f"{key!r} is not the key of its id")
    return data, bool(ours["whole"])


def _encode(data: bytes) -> str:
    return base64.b32hexencode(data).decode().rstrip("=").lower()
