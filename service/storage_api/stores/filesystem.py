"""Objects as files that survive a crash of the process or the machine.

    <folder>/lock         held by the one process that uses the folder
    <folder>/incoming/*   objects being written; leftovers are removed at start
    <folder>/objects/*    one file per object, named by the SHA-256 of its id

A name made from the id itself could be too long, escape the folder, or collide where case does not count.
A file starts with the id in UTF-8, padded with NUL to HEADER_BYTES; the object's bytes follow.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO

from .base import Store, Stored, StoreError, Usage

# 255 characters of at most 4 bytes fit; as it is fixed, objects' sizes are known without opening their files.
HEADER_BYTES = 1024


class FilesystemStore(Store):
    """A folder, made where it is missing and used by one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Open `folder`; raises StoreError when it cannot be read and written, or is in use."""
        self._objects = folder / "objects"
        self._incoming = folder / "incoming"
        self._usage_lock = threading.Lock()
        self._lock_file = -1
        try:
            self._objects.mkdir(parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
            self._lock_file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for leftover in self._incoming.iterdir():
                leftover.unlink()
            # Proves that files can be made, before the first request needs to know.
            tempfile.TemporaryFile(dir=self._incoming).close()
            sizes = [entry.stat().st_size - HEADER_BYTES for entry in os.scandir(self._objects)]
            _sync(self._objects, folder, folder.parent)
        except BlockingIOError:
            self.close()
            raise StoreError(f"{folder}: another process uses this folder") from None
        except OSError as error:
            self.close()
            raise StoreError(f"{folder}: {error.strerror}") from None
        self._usage = Usage(len(sizes), sum(sizes))

    def put(self, id: str, body: BinaryIO) -> None:
        target = self._file(id)
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(id.encode().ljust(HEADER_BYTES, b"\0"))
                shutil.copyfileobj(body, file)
                size = file.tell() - HEADER_BYTES
                file.flush()
                os.fsync(file.fileno())
            # The count and the files change as one, else concurrent writers would make it drift.
            with self._usage_lock:
                before = _size(target)
                temporary.replace(target)
                self._usage = Usage(
                    self._usage.objects + (before is None), self._usage.bytes + size - (before or 0)
                )
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(self._objects)

    def get(self, id: str) -> Stored | None:
        try:
            file = self._file(id).open("rb")
        except FileNotFoundError:
            return None
        size = file.seek(0, os.SEEK_END) - HEADER_BYTES
        file.seek(HEADER_BYTES)
        return Stored(size, file)

    def delete(self, id: str) -> bool:
        target = self._file(id)
        with self._usage_lock:
            before = _size(target)
            if before is None:
                return False
            target.unlink()
            self._usage = Usage(self._usage.objects - 1, self._usage.bytes - before)
        _sync(self._objects)
        return True

    def usage(self) -> Usage:
        return self._usage

    def check(self) -> None:
        for folder in (self._objects, self._incoming):
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise StoreError(f"{folder}: cannot be read and written")

    def close(self) -> None:
        if self._lock_file >= 0:
            os.close(self._lock_file)
            self._lock_file = -1

    def _file(self, id: str) -> Path:
        return self._objects / hashlib.sha256(id.encode()).hexdigest()


def _size(file: Path) -> int | None:
    """Size in bytes of the object in `file`, None when there is none."""
    with contextlib.suppress(FileNotFoundError):
        return file.stat().st_size - HEADER_BYTES
    return None


def _sync(*folders: Path) -> None:
    """Make the names in `folders` durable: a renamed file is only safe once its folder is."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
