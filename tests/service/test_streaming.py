"""Large objects are streamed: neither memory nor a second file holds a whole object."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE
ALLOWED_BYTES = 64 * MEBIBYTE
"""Allowed memory above that of the idle process."""
TARGET = "/api/buckets/large"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures memory by /proc")

_RANDOM = random.Random(1).randbytes(MEBIBYTE)  # noqa: S311 - a fixed order, no secret


def blocks(size: int) -> Iterator[bytes]:
    """Yield `size` bytes in blocks of 1 MiB, all different."""
    for number in range(size // MEBIBYTE):
        yield number.to_bytes(8) + _RANDOM[8:]


def sha256(data: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for block in data:
        digest.update(block)
    return digest.hexdigest()


def put(service, size: int, **headers: str) -> str:
    """Send `blocks`, chunked unless there is a Content_Length; return the etag of the response."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)) as connection:
        connection.request("PUT", TARGET, blocks(size), named)
        with connection.getresponse() as response:
            assert response.status == 200, response.read()
            return response.headers["ETag"].strip('"')


def got(service) -> str:
    """Return the SHA-256 of the object that GET returns."""
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)) as connection:
        connection.request("GET", TARGET)
        with connection.getresponse() as response:
            assert response.status == 200
            return sha256(iter(lambda: response.read(MEBIBYTE), b""))


class Process:
    """Memory and disk space of a running service."""

    def __init__(self, service) -> None:
        self._proc = Path(f"/proc/{service.process.pid}")

    def status(self, field: str) -> int:
        """Return a field of /proc/<pid>/status, in bytes."""
        (line,) = [
            line for line in (self._proc / "status").read_text().splitlines() if line.startswith(f"{field}:")
        ]
        number, unit = line.split()[1:]
        assert unit == "kB"
        return int(number) * 1024

    @contextmanager
    def within_memory(self) -> Iterator[None]:
        """Check that its resident memory grows by at most ALLOWED_BYTES while the block runs."""
        (self._proc / "clear_refs").write_text("5")  # Resets the peak.
        idle = self.status("VmRSS")
        yield
        over = self.status("VmHWM") - idle
        print(f"{over / MEBIBYTE:.1f} MiB over {idle / MEBIBYTE:.1f} MiB idle")
        assert 0 <= over <= ALLOWED_BYTES

    @contextmanager
    def watched(self, read) -> Iterator[list[int]]:
        """Call `read` repeatedly while the block runs; yield the list of results."""
        seen = [read()]
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.005):
                seen.append(read())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield seen
        finally:
            done.set()
            thread.join()
            seen.append(read())

    def file_bytes(self, *folders: Path) -> int:
        """Return the disk space of files in `folders` and of all open files, even unlinked ones."""
        files = {}
        for folder in (*folders, self._proc / "fd"):
            for path in folder.rglob("*"):
                with contextlib.suppress(FileNotFoundError):
                    known = path.stat()
                    files[known.st_dev, known.st_ino] = known.st_blocks * 512
        return sum(files.values())


@pytest.fixture
def folders(tmp_path) -> dict[str, Path]:
    """The folders of objects and of temporary files, by the names of their settings."""
    found = {"STORE_PATH": tmp_path / "data", "TMPDIR": tmp_path / "tmp"}
    for folder in found.values():
        folder.mkdir()
    return found


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
def test_a_large_object_is_streamed(start, folders, draws, chunked):
    size = draws(128 * MEBIBYTE, 256 * MEBIBYTE if chunked else GIBIBYTE)
    headers = {} if chunked else {"Content_Length": str(size)}
    service = start(MAX_OBJECT_BYTES=size, LOG_REQUESTS="false", **folders)
    process = Process(service)
    sent = sha256(blocks(size))
    # A first object, so that one-time costs of the service are not measured.
    assert service.request("PUT", TARGET, b"first").status == 200
    before = process.file_bytes(*folders.values())
    with (
        process.watched(lambda: process.file_bytes(*folders.values()) - before) as taken,
        process.within_memory(),
    ):
        assert put(service, size, **headers) == sent
    # One copy, written from the first byte on; some file systems temporarily allocate more than needed.
    assert size <= max(taken) < 1.5 * size
    assert len([step for step in taken if MEBIBYTE < step < size - MEBIBYTE]) > 10
    with process.within_memory():
        assert got(service) == sent
    assert service.request("GET", TARGET, Range="bytes=-8").body == _RANDOM[-8:]
    assert service.request("DELETE", TARGET).status == 200
    assert process.file_bytes(*folders.values()) < MEBIBYTE


def test_a_large_object_is_streamed_to_a_bucket(start, object_storage, folders, draws):
    """Anonymous memory only: pages of the body's temporary file can be reclaimed at any time."""
    size = draws(80, 128) * MEBIBYTE  # more than ALLOWED_BYTES
    service = start(MAX_OBJECT_BYTES=size, **folders, **object_storage.settings("objects"))
    process = Process(service)
    sent = sha256(blocks(size))
    for headers in ({}, {"If_None_Match": "*"}):
        with process.watched(lambda: process.status("RssAnon")) as resident:
            assert put(service, size, **headers) == sent
            assert got(service) == sent
        idle, peak = resident[0], max(resident)
        print(f"{(peak - idle) / MEBIBYTE:.1f} MiB over {idle / MEBIBYTE:.1f} MiB idle")
        assert peak - idle <= ALLOWED_BYTES
        assert service.request("DELETE", TARGET).status == 200
