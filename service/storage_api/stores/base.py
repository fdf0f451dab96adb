"""The interface of a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import BinaryIO, NamedTuple


class StoreError(Exception):
    """The store is out of order: one line that says what is wrong."""


class Usage(NamedTuple):
    """What a store holds: the number of objects and the sum of their sizes in bytes."""

    objects: int
    bytes: int


class Stored(NamedTuple):
    """An object: its size in bytes, and its bytes as a file that is the caller's to close."""

    size: int
    body: BinaryIO


class Store(ABC):
    """Objects (bytes) by id (valid text, see `ids`). Every method may be called from several threads at once.

    An object is seen whole or not at all. A method that fails raises OSError or StoreError.
    """

    @abstractmethod
    def put(self, id: str, body: BinaryIO) -> None:
        """Keep what `body` reads under `id`, instead of what was there; it is safe once this returns.

        When reading `body` fails nothing has changed, and its error is passed on.
        """

    @abstractmethod
    def get(self, id: str) -> Stored | None:
        """The object kept under `id`, None when there is none."""

    @abstractmethod
    def delete(self, id: str) -> bool:
        """Forget `id`; False when it was not there."""

    @abstractmethod
    def usage(self) -> Usage | None:
        """What the store holds now; None, always, for a store that would have to read everything to know."""

    def check(self) -> None:  # noqa: B027 - nothing to check is a good default
        """Raise StoreError when the store cannot serve; cheap enough for a probe."""

    def close(self) -> None:  # noqa: B027 - nothing held open is a good default
        """Let go of what the store holds open."""
