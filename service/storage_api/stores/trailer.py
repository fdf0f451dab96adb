"""The end of each file of the filesystem store: BYTES of JSON that tell what the bytes before them are.

At the end, so that a body can be received into a file before it is known what it will be.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from pathlib import Path

from .base import Object

BYTES = 2048
"""Enough for the longest id (1,020 bytes) and media type (510, with escapes); fixed, so that it is found."""


def name_of(id: str) -> str:
    """The name of the file of `id`: made from its hash, as the id itself can be too long, or differ from
    another in case alone."""
    return hashlib.sha256(id.encode()).hexdigest()


def write(of: Object) -> bytes:
    """The trailer of an object; between line ends, so that `tail` shows it."""
    return b"\n" + json.dumps(of._asdict(), ensure_ascii=False).encode().ljust(BYTES - 2) + b"\n"


def read(file: io.FileIO) -> Object | None:
    """What an open file holds; None when it has no sound trailer, or one that its name does not fit."""
    size = os.fstat(file.fileno()).st_size - BYTES
    if size < 0:
        return None
    try:
        found = Object(**json.loads(os.pread(file.fileno(), BYTES, size)))
        sound = found.size == size and name_of(found.id) == Path(file.name).name
        # One string for all of a type: an index holds many.
        return found._replace(content_type=sys.intern(found.content_type)) if sound else None
    except (ValueError, TypeError, AttributeError):
        return None
