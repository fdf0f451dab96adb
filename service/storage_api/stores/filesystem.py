"""Objects as files, which survive a crash of the process or the machine.

<folder>/lock          held by the one process that uses the folder
<folder>/incoming/*    bodies being received; leftovers are removed at start
<folder>/objects/*     one file per object: its bytes, then its description (see `trailer`)
<folder>/quarantine/*  files from objects/ that at start were not whole objects; for a person to examine
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import logging
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

from . import trailer
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
    StoreError,
    StoreFull,
    Usage,
)
from .index import Index
from .object_file import ObjectFile
from .spool import Spool, errors, sync

OLD_HEADER_BYTES = 1024
"""Header of the old layout, which has no trailer: the id in UTF-8, padded with NUL; bytes follow."""

VERIFIED_FIRST_BYTES = 64 * 1024
"""Objects up to this size are verified before they are sent, larger ones while they are sent."""

log = logging.getLogger(__name__)


class FilesystemStore(Store):
    """A folder, created if it is missing, and used by one process at a time."""

    def __init__(self, folder: Path, min_free_bytes: int = 0) -> None:
        """Open `folder`; raises StoreError if it cannot be read and written, or is in use.

        `check` raises StoreFull while the disk has less than `min_free_bytes` free.
        """
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._objects = folder / "objects"
        self._incoming = folder / "incoming"
        self._index = Index()
        self._lock = threading.Lock()
        self._lock_file = -1
        try:
            with errors(folder):
                self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        # Sync the parents of new folders only: those of existing ones may be unreadable.
        made = [folder for folder in (self._objects, *self._objects.parents) if not folder.exists()]
        self._objects.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)
        self._lock_file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"{self._folder}: another process uses this folder") from None
        for leftover in self._incoming.iterdir():
            leftover.unlink()
        # If files cannot be created, fail now and not at the first request.
        self.spool().close()
        for file in list(self._objects.iterdir()):
            self._register(file)
        sync(self._objects, self._folder, *(folder.parent for folder in made))

    def _register(self, file: Path) -> None:
        """Add the object in `file` to the index; move a file that is not a whole object to quarantine."""
        found = None
        if file.is_file():
            with file.open("rb", buffering=0) as opened:
                found = trailer.read(opened) or self._convert(opened)
        if found:
            self._index.put(found)
        else:
            quarantine = self._folder / "quarantine"
            quarantine.mkdir(exist_ok=True)
            kept = quarantine / f"{file.name}.{time.time_ns()}"
            file.rename(kept)
            log.error("%s is not a whole object: moved to %s", file, kept)

    def _convert(self, file: io.FileIO) -> Object | None:
        """Rewrite a file of the old layout; None if it is not one."""
        id = file.read(OLD_HEADER_BYTES).rstrip(b"\0").decode(errors="replace")
        if trailer.name_of(id) != Path(file.name).name or file.tell() < OLD_HEADER_BYTES:
            return None
        with self.spool() as spool:
            shutil.copyfileobj(file, spool)
            self._keep(Object(id, 0, None, DEFAULT_CONTENT_TYPE), spool, None)
        return self._index.get(id)

    def put(
        self,
        id: str,
        body: BinaryIO,
        *,
        content_type: str = DEFAULT_CONTENT_TYPE,
        metadata: Metadata = NO_METADATA,
        condition: Condition | None = None,
    ) -> str:
        # Close first, so a rejected upload has freed its space before the client hears.
        with errors(self._folder), body if isinstance(body, Spool) else self.spool() as spool:
            if spool is not body:
                shutil.copyfileobj(body, spool)
            new = Object(id, 0, None, sys.intern(content_type), metadata)
            return self._keep(new, spool, condition)

    def _keep(self, new: Object, spool: Spool, condition: Condition | None) -> str:
        """Make `spool` the file of the object `new`, and find out its size and etag."""
        spool.seek(0)
        etag = hashlib.file_digest(spool, "sha256").hexdigest()
        kept = new._replace(size=spool.tell(), etag=etag)
        spool.write(trailer.write(kept))
        os.fsync(spool.fileno())
        # The index and the file change together: concurrent writers must not make them differ.
        with self._lock:
            if condition and not condition(self._index.etag(kept.id)):
                raise PreconditionFailed
            spool.become(self._file(kept.id))
            self._index.put(kept)
        sync(self._objects)
        return etag

    def get(self, id: str, select: Select | None = None) -> Stored | None:
        with errors(self._folder), contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(ObjectFile(self._file(id)))
            except FileNotFoundError:
                return None
            # From the file itself: the index may describe a newer one by now.
            found = trailer.read(file)
            if found is None:
                raise StoreError(f"{file.name} is no longer a whole object")
            file.object = found
            first, end = select(found) if select else (0, found.size)
            if (first, end) == (0, found.size) and end <= VERIFIED_FIRST_BYTES:
                # Verify before sending: damage can still be answered with an error status.
                return Stored(found, io.BytesIO(file.read(end)))
            file.seek(first)
            stack.pop_all()
            return Stored(found, file)

    def head(self, id: str) -> Object | None:
        return self._index.get(id)

    def delete(self, id: str, condition: Condition | None = None) -> bool:
        with errors(self._folder):
            with self._lock:
                if self._index.get(id) is None:
                    return False
                if condition and not condition(self._index.etag(id)):
                    raise PreconditionFailed
                self._file(id).unlink(missing_ok=True)
                self._index.remove(id)
            sync(self._objects)
            return True

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page:
        with self._lock:
            return self._index.page(prefix, limit, after)

    def usage(self) -> Usage:
        return self._index.usage

    def spool(self) -> Spool:
        return Spool(self._incoming)

    def check(self) -> None:
        for folder in (self._objects, self._incoming):
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise StoreError(f"{folder}: cannot be read and written")
        with errors(self._folder):
            free = shutil.disk_usage(self._folder).free
        if free < self._min_free_bytes:
            raise StoreFull(f"{self._folder}: {free} bytes are free, fewer than {self._min_free_bytes}")

    def close(self) -> None:
        if self._lock_file >= 0:
            os.close(self._lock_file)
            self._lock_file = -1

    def _file(self, id: str) -> Path:
        return self._objects / trailer.name_of(id)
