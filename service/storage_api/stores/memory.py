"""Objects in the memory of the process: gone when it ends."""

from __future__ import annotations

import io
import threading
from typing import BinaryIO

from .base import Store, Stored, Usage


class MemoryStore(Store):
    """A dictionary."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, id: str, body: BinaryIO) -> None:
        data = body.read()
        with self._lock:
            self._bytes += len(data) - len(self._objects.get(id, b""))
            self._objects[id] = data

    def get(self, id: str) -> Stored | None:
        data = self._objects.get(id)
        return None if data is None else Stored(len(data), io.BytesIO(data))

    def delete(self, id: str) -> bool:
        with self._lock:
            data = self._objects.pop(id, None)
            self._bytes -= len(data or b"")
        return data is not None

    def usage(self) -> Usage:
        with self._lock:
            return Usage(len(self._objects), self._bytes)
