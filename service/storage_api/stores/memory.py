"""Objects in the memory of the process, lost when it ends."""

from __future__ import annotations

import hashlib
import io
import threading
from typing import BinaryIO

from .base import (
    DEFAULT_CONTENT_TYPE,
    NO_METADATA,
    Condition,
    Metadata,
    Object,
    Page,
    PreconditionFailed,
    Select,
    Store,
    Stored,
    Usage,
)
from .index import Index


class MemoryStore(Store):
    """A dictionary, with an index beside it."""

    def __init__(self) -> None:
        self._index = Index()
        self._bytes: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(
        self,
        id: str,
        body: BinaryIO,
        *,
        content_type: str = DEFAULT_CONTENT_TYPE,
        metadata: Metadata = NO_METADATA,
        condition: Condition | None = None,
    ) -> str:
        data = body.read()
        etag = hashlib.sha256(data).hexdigest()
        with self._lock:
            if condition and not condition(self._index.etag(id)):
                raise PreconditionFailed
            self._bytes[id] = data
            self._index.put(Object(id, len(data), etag, content_type, metadata))
        return etag

    def get(self, id: str, select: Select | None = None) -> Stored | None:
        with self._lock:
            found, data = self._index.get(id), self._bytes.get(id)
        if found is None or data is None:
            return None
        body = io.BytesIO(data)
        if select:
            body.seek(select(found)[0])
        return Stored(found, body)

    def head(self, id: str) -> Object | None:
        return self._index.get(id)

    def delete(self, id: str, condition: Condition | None = None) -> bool:
        with self._lock:
            if id not in self._bytes:
                return False
            if condition and not condition(self._index.etag(id)):
                raise PreconditionFailed
            del self._bytes[id]
            self._index.remove(id)
        return True

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page:
        with self._lock:
            return self._index.page(prefix, limit, after)

    def usage(self) -> Usage:
        return self._index.usage

    def spool(self) -> BinaryIO:
        return io.BytesIO()
