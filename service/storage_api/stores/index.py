"""The index of a store's objects, in memory and ordered by id."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from itertools import islice

from .base import Object, Page, Usage


class Index:
    """Objects by id, their pages and their totals. Not thread-safe: the caller holds a lock."""

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}
        self._ids: list[str] = []
        self.usage = Usage(0, 0)

    def get(self, id: str) -> Object | None:
        return self._objects.get(id)

    def etag(self, id: str) -> str | None:
        found = self._objects.get(id)
        return found.etag if found else None

    def put(self, new: Object) -> None:
        old = self._objects.get(new.id)
        if old is None:
            insort(self._ids, new.id)
        self._objects[new.id] = new
        self.usage = Usage(len(self._ids), self.usage.bytes + new.size - (old.size if old else 0))

    def remove(self, id: str) -> None:
        """Remove `id`, which must be there."""
        old = self._objects.pop(id)
        del self._ids[bisect_left(self._ids, id)]
        self.usage = Usage(len(self._ids), self.usage.bytes - old.size)

    def page(self, prefix: str, limit: int, after: str | None) -> Page:
        """A page, as `Store.list` returns it."""
        first = bisect_left(self._ids, prefix)
        if after is not None:
            first = max(first, bisect_right(self._ids, after))
        found = []
        for id in islice(self._ids, first, first + limit + 1):
            if not id.startswith(prefix):
                break
            found.append(self._objects[id])
        more = len(found) > limit
        return Page(found[:limit], found[limit - 1].id if more else None)
