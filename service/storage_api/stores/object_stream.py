"""The bytes of an object while they are read from a cloud: those of its ETag, or an error."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Only for type hints.
    from obstore import GetResult

from .base import Object, StoreError

CHUNK_BYTES = 1024 * 1024
"""Size of the chunks in which an object is read from the server."""


class ObjectStream(io.RawIOBase):
    """The bytes of a response. The first chunk is read at once, while an error still gets its own status."""

    def __init__(
        self,
        response: GetResult,
        errors: Callable[[], AbstractContextManager[None]],
        whole: Object | None = None,
    ) -> None:
        """If `whole` is set, the response has all bytes of that object, and they are verified."""
        self._errors = errors
        self._whole = whole
        self._digest = hashlib.sha256()
        self._received = 0
        self._chunks = iter(response.stream(min_chunk_size=CHUNK_BYTES))
        self._chunk = self._next()

    def _next(self) -> memoryview:
        """The next chunk; raises StoreError instead of the last one if the bytes do not match the ETag."""
        with self._errors():
            chunk = memoryview(next(self._chunks, b""))
        if self._whole:
            self._digest.update(chunk)
            self._received += len(chunk)
            ended = not chunk or self._received >= self._whole.size
            if ended and self._digest.hexdigest() != self._whole.etag:
                raise StoreError(f"the object {self._whole.id!r} is damaged: its bytes do not match its ETag")
        return chunk

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        """Read like any raw file; raises StoreError if the server fails."""
        if not self._chunk:
            self._chunk = self._next()
        size = min(len(buffer), len(self._chunk))
        buffer[:size] = self._chunk[:size]
        self._chunk = self._chunk[size:]
        return size
