"""The end of each file in the filesystem store: JSON that describes the object in the bytes before it.

It is at the end so that a body can be received into the file before its size and hash are known.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from pathlib import Path

from .base import NO_METADATA, Object

BLOCK_BYTES = 2048
"""A trailer is one block, or more if one is too short; only the first begins with a newline."""
MOST_BLOCKS = 3
"""Enough for the longest id (1,020 bytes), media type (510, with escapes) and metadata (2,942)."""


def name_of(id: str) -> str:
    """The name of the file for `id`: its hash, as an id can be too long for a file name, or differ from
    another one only in case."""
    return hashlib.sha256(id.encode()).hexdigest()


def write(object: Object) -> bytes:
    """The trailer of an object, between newlines so that `tail` shows it."""
    known = object._asdict() | {"metadata": dict(object.metadata)}
    if not object.metadata:
        del known["metadata"]
    text = b"\n" + json.dumps(known, ensure_ascii=False).encode()
    blocks = len(text) // BLOCK_BYTES + 1
    return text.ljust(blocks * BLOCK_BYTES - 1) + b"\n"


def read(file: io.FileIO) -> Object | None:
    """The object in an open file; None if its trailer is invalid or does not match the file's name."""
    file_bytes = os.fstat(file.fileno()).st_size
    most = MOST_BLOCKS * BLOCK_BYTES
    tail = os.pread(file.fileno(), most, max(0, file_bytes - most))
    for length in range(BLOCK_BYTES, len(tail) + 1, BLOCK_BYTES):
        if tail[-length] == ord("\n"):
            return _parse(tail[-length:], file_bytes - length, Path(file.name).name)
    return None


def _parse(trailer: bytes, size: int, name: str) -> Object | None:
    try:
        found = Object(**json.loads(trailer))
        if found.size != size or name_of(found.id) != name:
            return None
        # Share equal strings: an index holds many objects.
        metadata = {field: sys.intern(value) for field, value in found.metadata.items()} or NO_METADATA
        return found._replace(content_type=sys.intern(found.content_type), metadata=metadata)
    except (ValueError, TypeError, AttributeError):
        return None
