"""Files that are being written, and then become an object's file or are removed."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .base import StoreError, StoreFull


class Spool(io.FileIO):
    """A new file in a folder, for writing and reading; closing removes it, unless `become` has renamed it."""

    def __init__(self, folder: Path) -> None:
        """Create the file; raises StoreError, as `write` does."""
        with errors(folder):
            descriptor, name = tempfile.mkstemp(dir=folder)
        self._folder = folder
        self._path: Path | None = Path(name)
        super().__init__(descriptor, "r+b")

    def write(self, data: bytes) -> int:
        """Write all of `data`."""
        rest = memoryview(data)
        with errors(self._folder):
            while rest:
                rest = rest[super().write(rest) :]
        return len(data)

    def become(self, target: Path) -> None:
        """Rename the file to `target`, replacing what was there."""
        self._path.replace(target)
        self._path = None

    def become_nameless(self) -> None:
        """Remove the file's name: nothing is left of it, however the process ends."""
        self._path.unlink()
        self._path = None

    def close(self) -> None:
        if not self.closed and self._path:
            # If that fails, the next start removes the file with other leftovers.
            with contextlib.suppress(OSError):
                self._path.unlink()
        super().close()


@contextlib.contextmanager
def errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a StoreError that names `path`, and the file in question if the system says so."""
    try:
        yield
    except OSError as error:
        kind = StoreFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreError
        named = error.filename if isinstance(error.filename, str | Path) else None
        what = f": {named}" if named and Path(named) != path else ""
        raise kind(f"{path}: {error.strerror}{what}") from None


def sync(*folders: Path) -> None:
    """Make the names in `folders` durable: a renamed file is safe only once its folder is synced."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
