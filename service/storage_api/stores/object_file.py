"""The file of an object, while it is read: it gives the bytes of its ETag, or an error."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from .base import Object, StoreError
from .spool import errors


class ObjectFile(io.FileIO):
    """An object's bytes, with its trailer behind them; raises StoreError where the disk fails.

    Whoever reads all of them, one after another from the first, gets a StoreError instead of the last ones if
    they are not those of the ETag. Some may be read again meanwhile.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self.of: Object | None = None
        """What the file is known to hold."""
        self.error: StoreError | None = None
        """Why reading has failed, if it has."""
        self._hashed = 0
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """As of any raw file; raises StoreError, and for ever once it has."""
        if self.error:
            raise self.error
        first = self.tell()
        try:
            with errors(Path(self.name)):
                data = super().read(size)
            if self.of and size:
                self._verify(self.of, first, data)
        except StoreError as error:
            self.error = error
            self.seek(first)  # Where it is tells how much was sent.
            raise
        return data

    def _verify(self, of: Object, first: int, data: bytes) -> None:
        if not data and first < of.size:
            raise StoreError(f"{self.name} has lost its end")
        if first > self._hashed or self._hashed == of.size:
            return
        new = memoryview(data)[self._hashed - first : of.size - first]
        self._digest.update(new)
        self._hashed += len(new)
        if self._hashed == of.size and self._digest.hexdigest() != of.etag:
            raise StoreError(f"{self.name} is damaged: its bytes are not those of its ETag")
