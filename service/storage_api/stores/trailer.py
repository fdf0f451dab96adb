"""The end of each file of the filesystem store: JSON that tells what the bytes before it are.

At the end, so that a body can be received into a file before it is known what it will be.
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
"""A trailer is one block, or more where one is too short; only the first begins with a line end."""
MOST_BLOCKS = 3
"""Enough for the longest id (1,020 bytes), media type (510, with escapes) and metadata (2,942)."""


def name_of(id: str) -> str:
    """The name of the file of `id`: made from its hash, as the id itself can be too long, or differ from
    another in case alone."""
    return hashlib.sha256(id.encode()).hexdigest()


def write(of: Object) -> bytes:
    """The trailer of an object; between line ends, so that `tail` shows it."""
    known = of._asdict() | {"metadata": dict(of.metadata)}
    if not of.metadata:
        del known["metadata"]
    text = b"\n" + json.dumps(known, ensure_ascii=False).encode()
    blocks = len(text) // BLOCK_BYTES + 1
    return text.ljust(blocks * BLOCK_BYTES - 1) + b"\n"


def read(file: io.FileIO) -> Object | None:
    """What an open file holds; None when it has no sound trailer, or one that its name does not fit."""
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
        # One string for all that have the same: an index holds many.
        metadata = {field: sys.intern(value) for field, value in found.metadata.items()} or NO_METADATA
        return found._replace(content_type=sys.intern(found.content_type), metadata=metadata)
    except (ValueError, TypeError, AttributeError):
        return None
