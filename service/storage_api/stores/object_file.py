"""The file of an object while it is read: it returns the bytes of its ETag, or an error."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from .base import Object, StoreError
from .spool import errors


class ObjectFile(io.FileIO):
    """An object's bytes, followed by its trailer; raises StoreError if the disk fails.

    Reading all of them in order raises StoreError instead of returning the last ones if they do not match the
    ETag. Bytes may be read again in between.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self.object: Object | None = None
        """The object in the file, once it is known."""
        self.error: StoreError | None = None
        """The error that reading failed with, if it did."""
        self._hashed = 0
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read like any raw file; raises StoreError, and after the first one always the same."""
        if self.error:
            raise self.error
        first = self.tell()
        try:
            with errors(Path(self.name)):
                data = super().read(size)
            if self.object and size:
                self._verify(self.object, first, data)
        except StoreError as error:
            self.error = error
            self.seek(first)  # The position shows how much was sent.
            raise
        return data

    def _verify(self, object: Object, first: int, data: bytes) -> None:
        if not data and first < object.size:
            raise StoreError(f"{self.name} is truncated")
        if first > self._hashed or self._hashed == object.size:
            return
        new = memoryview(data)[self._hashed - first : object.size - first]
        self._digest.update(new)
        self._hashed += len(new)
        if self._hashed == object.size and self._digest.hexdigest() != object.etag:
            raise StoreError(f"{self.name} is damaged: its bytes do not match its ETag")
