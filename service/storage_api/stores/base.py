"""The interface that every store implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

DEFAULT_CONTENT_TYPE = "application/octet-stream"
"""The media type of an object that is put without one (RFC 9110, 8.3)."""
METADATA_CHARACTERS = {
    "Content-Encoding": 64,
    "Content-Language": 128,
    "Content-Disposition": 1024,
    "Cache-Control": 255,
}
"""{header field kept with an object: most characters}; together below the 2 KB that S3 allows."""

Metadata = Mapping[str, str]
"""Some of the fields in METADATA_CHARACTERS, with non-empty values of printable ASCII."""
NO_METADATA: Metadata = MappingProxyType({})


class StoreError(Exception):
    """The store is unavailable, or failed an operation: one line with the reason."""


class StoreFull(StoreError):
    """There is no room for an object; stored ones can still be read and deleted."""


class PreconditionFailed(Exception):
    """The condition of a change does not hold; nothing has changed."""


class Object(NamedTuple):
    """The description of an object: its size in bytes, the SHA-256 of its bytes in hex (`etag`), its media
    type, and the header fields that are kept with it.

    In a listing, `etag` and `content_type` are None and `metadata` is empty if the store would need a request
    for each object.
    """

    id: str
    size: int
    etag: str | None
    content_type: str | None
    metadata: Metadata = NO_METADATA


class Stored(NamedTuple):
    """An object, and the requested bytes as a raw file (a read may return fewer); the caller closes it.

    The file may continue after those bytes: do not read past them.
    """

    object: Object
    body: BinaryIO


class Page(NamedTuple):
    """A page of the listing; `next` is the `after` of the next page, None on the last."""

    objects: list[Object]
    next: str | None


class Usage(NamedTuple):
    """The number of objects in a store, and the sum of their sizes in bytes."""

    objects: int
    bytes: int


Condition = Callable[[str | None], bool]
"""Returns True if a change may happen, given the etag of the stored object (None: no object)."""

Select = Callable[[Object], tuple[int, int]]
"""Returns the range of bytes to read from an object: (first, last + 1), or (0, 0) for none."""


class Store(ABC):
    """Objects (bytes) by id (valid text). Every method may be called from several threads at once.

    An object is seen whole or not at all. Reading all of its bytes returns those of its etag, or raises
    StoreError instead of the last ones; a part is not verified. A method that fails raises StoreError.
    """

    @abstractmethod
    def put(
        self,
        id: str,
        body: BinaryIO,
        *,
        content_type: str = DEFAULT_CONTENT_TYPE,
        metadata: Metadata = NO_METADATA,
        condition: Condition | None = None,
    ) -> str:
        """Store `body` under `id`, replacing what was there; return its etag once it is safe.

        `body`, at its start, is an io.BytesIO or from `spool()`; the latter is taken over, and may be closed.
        `condition` is checked atomically with the change; raises PreconditionFailed if it returns False.
        """

    @abstractmethod
    def get(self, id: str, select: Select | None = None) -> Stored | None:
        """The object stored under `id`, or None.

        The body is the range that `select` returns, or all. `select` may be called again if the object
        changes meanwhile.
        """

    @abstractmethod
    def head(self, id: str) -> Object | None:
        """The description of the object stored under `id`, or None."""

    @abstractmethod
    def delete(self, id: str, condition: Condition | None = None) -> bool:
        """Delete `id`; return False if it was not there.

        `condition` is as for `put`, but is not called if there is no object.
        """

    @abstractmethod
    def list(self, prefix: str, limit: int, after: str | None = None) -> Page:
        """At most `limit` objects whose ids start with `prefix`, ordered by id (by code point).

        The page starts after the id `after`, which need not exist (any more).
        """

    @abstractmethod
    def usage(self) -> Usage | None:
        """Count the objects and bytes held now; None for a store that would have to read everything."""

    @abstractmethod
    def spool(self) -> BinaryIO:
        """An empty file to receive a body in, which is then `put`; closing removes it.

        Its `write` raises StoreError too.
        """

    def check(self) -> None:  # noqa: B027 - nothing to check is a good default
        """Raise StoreError if the store is unavailable; cheap enough for a probe."""

    def close(self) -> None:  # noqa: B027 - nothing held open is a good default
        """Release what the store holds open."""
