"""The base of stores that wrap another one, to measure it or to make it fail."""

from __future__ import annotations

from typing import Any, BinaryIO

from .base import Condition, Object, Page, Select, Store, Stored, Usage


class DelegatingStore(Store):
    """Passes every call on to `store`. Subclasses override the methods whose behaviour they change."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, id: str, body: BinaryIO, **options: Any) -> str:
        return self._store.put(id, body, **options)

    def get(self, id: str, select: Select | None = None) -> Stored | None:
        return self._store.get(id, select)

    def head(self, id: str) -> Object | None:
        return self._store.head(id)

    def delete(self, id: str, condition: Condition | None = None) -> bool:
        return self._store.delete(id, condition)

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page:
        return self._store.list(prefix, limit, after)

    def usage(self) -> Usage | None:
        return self._store.usage()

    def spool(self) -> BinaryIO:
        return self._store.spool()

    def check(self) -> None:
        self._store.check()

    def close(self) -> None:
        self._store.close()
