"""The interface of a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

DEFAULT_CONTENT_TYPE = "application/octet-stream"
"""Of bytes that nobody named (RFC 9110, 8.3)."""
METADATA_CHARACTERS = {
    "Content-Encoding": 64,
    "Content-Language": 128,
    "Content-Disposition": 1024,
    "Cache-Control": 255,
}
"""{header field that is kept with an object: most characters}; together fewer than the 2 KB of S3."""

Metadata = Mapping[str, str]
"""Some of the fields in METADATA_CHARACTERS, with values of printable ASCII that are not empty."""
NO_METADATA: Metadata = MappingProxyType({})


class StoreError(Exception):
    """The store is out of order: one line that says what is wrong."""


class StoreFull(StoreError):
    """There is no room; what is stored can still be read and deleted."""


class PreconditionFailed(Exception):
    """The object is not as the condition of a change asks; nothing has changed."""


class Object(NamedTuple):
    """What is known of an object: its size in bytes, the SHA-256 of its bytes in hex, its media type, and the
    header fields that are kept with it.

    `etag` and `content_type` are None, and `metadata` is empty, in a page of a store that would have to ask
    for each object.
    """

    id: str
    size: int
    etag: str | None
    content_type: str | None
    metadata: Metadata = NO_METADATA


class Stored(NamedTuple):
    """An object, and the bytes asked for as a raw file (it may give fewer at a time), the caller's to close.

    The file may go on after those bytes: read no more than was asked for.
    """

    object: Object
    body: BinaryIO


class Page(NamedTuple):
    """Some of a store's objects; `next` is where the following page starts `after`, None for the last."""

    objects: list[Object]
    next: str | None


class Usage(NamedTuple):
    """What a store holds: the number of objects and the sum of their sizes in bytes."""

    objects: int
    bytes: int


Condition = Callable[[str | None], bool]
"""Whether a change may happen, given the etag of the object that is there (None: no object)."""

Select = Callable[[Object], tuple[int, int]]
"""Which bytes of an object are wanted, from the first to before the last; (0, 0) for none."""


class Store(ABC):
    """Objects (bytes) by id (valid text, see `ids`). Every method may be called from several threads at once.

    An object is seen whole or not at all. Who reads all of its bytes gets those of its etag, or a StoreError
    instead of the last ones; a part is not verified. A method that fails raises StoreError.
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
        """Keep `body` under `id` instead of what was there; it is safe once this returns its etag.

        `body`, at its start, is an io.BytesIO or from `spool()`; the latter is taken over, and may be closed.
        `condition` is asked in the moment of the change; raises PreconditionFailed when it says no.
        """

    @abstractmethod
    def get(self, id: str, select: Select | None = None) -> Stored | None:
        """The object kept under `id`, None when there is none.

        The body is what `select` says, else the whole. `select` may be asked more than once, when the object
        changes meanwhile.
        """

    @abstractmethod
    def head(self, id: str) -> Object | None:
        """What is known of the object kept under `id`, None when there is none."""

    @abstractmethod
    def delete(self, id: str, condition: Condition | None = None) -> bool:
        """Forget `id`; False when it was not there.

        `condition` is as for `put`, but not asked about what is not there.
        """

    @abstractmethod
    def list(self, prefix: str, limit: int, after: str | None = None) -> Page:
        """At most `limit` objects whose ids start with `prefix`, in the order of their ids (by code point).

        The page starts after the id `after`, which need not be there (any more).
        """

    @abstractmethod
    def usage(self) -> Usage | None:
        """What the store holds now; None, always, for a store that would have to read everything to know."""

    @abstractmethod
    def spool(self) -> BinaryIO:
        """An empty file for a body that is being received, to be `put`; gone when it is closed.

        Its `write` raises StoreError too.
        """

    def check(self) -> None:  # noqa: B027 - nothing to check is a good default
        """Raise StoreError when the store cannot serve; cheap enough for a probe."""

    def close(self) -> None:  # noqa: B027 - nothing held open is a good default
        """Let go of what the store holds open."""
