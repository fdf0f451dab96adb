"""A full disk, a real one of a few MiB: new objects are refused, and existing ones stay intact."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import wait_until

MEBIBYTE = 1024 * 1024
DISK_BYTES = 8 * MEBIBYTE
MIN_FREE_BYTES = MEBIBYTE
FULL = {"error": "insufficient storage", "reason": "the store is full"}
# The disk is mounted for this process only and disappears with it.
MOUNT = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@"'


@pytest.fixture
def on_disk(tmp_path, missing_part) -> tuple[str, ...]:
    """A command prefix that runs a command with a small disk mounted at `tmp_path`."""
    apart = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    mounted = [*apart, "sh", "-c", MOUNT, "sh", str(DISK_BYTES), str(tmp_path)]
    try:
        works = subprocess.run([*mounted, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        works = False
    if not works:
        missing_part("unshare (util-linux) with the right to mount, to test a full disk")
    return tuple(mounted)


def seen_from_here(service, folder: Path) -> Path:
    """Return the path by which this process sees a folder on the service's private disk."""
    return Path(f"/proc/{service.process.pid}/root{folder}")


def free_bytes(folder: Path) -> int:
    known = os.statvfs(folder)
    return known.f_bavail * known.f_frsize


def chunked(size: int) -> bytes:
    head = b"PUT /api/buckets/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * (size // 0x10000) + b"0\r\n\r\n"


def test_a_full_disk_refuses_new_objects_and_loses_none(start, on_disk, tmp_path):
    service = start(
        *on_disk, STORE_PATH=tmp_path, MAX_OBJECT_BYTES=4 * DISK_BYTES, STORE_MIN_FREE_BYTES=MIN_FREE_BYTES
    )
    folder = seen_from_here(service, tmp_path)
    at_first = free_bytes(folder)
    old = b"o" * 2 * MEBIBYTE
    assert service.request("PUT", "/api/buckets/old", old).status == 200
    assert service.request("GET", "/readyz").status == 200

    def assert_nothing_lost() -> None:
        assert service.request("GET", "/api/buckets/old").body == old
        assert not list((folder / "incoming").iterdir())

    # More than fits, with and without a known length, as a new object and over an existing one.
    refused = 0
    for target in ("/api/buckets/new", "/api/buckets/old"):
        answer = service.request("PUT", target, bytes(2 * DISK_BYTES))
        assert (answer.status, answer.json) == (507, FULL)
        assert_nothing_lost()
        refused += 1
    answer = service.raw(chunked(2 * DISK_BYTES))
    assert (answer.status, answer.json) == (507, FULL)
    assert_nothing_lost()
    refused += 1
    assert service.request("GET", "/api/buckets/new").status == 404

    # Exactly the free space: the body fits, but the object's metadata do not.
    answer = service.request("PUT", "/api/buckets/new", bytes(free_bytes(folder)))
    assert (answer.status, answer.json) == (507, FULL)
    assert_nothing_lost()
    refused += 1

    # Small bodies, which are received in memory.
    filled = 0
    while (answer := service.request("PUT", f"/api/buckets/{filled}", bytes(400_000))).status == 200:
        filled += 1
    assert (answer.status, answer.json) == (507, FULL)
    assert filled > 10
    assert_nothing_lost()
    refused += 1

    # Readiness, metrics and the log report it.
    wait_until(lambda: service.request("GET", "/readyz").status == 503)
    assert service.request("GET", "/readyz").json["reason"] == "the disk is full"
    assert service.request("GET", "/healthz").status == 200
    series = ("http_request_count_total", "/api/buckets/<id>", "PUT", "507")
    wait_until(lambda: service.samples("http_request_count")[series] >= refused, 20)
    assert service.samples("http_request_count")[series] == refused
    errors = [line for line in service.log if line["level"] == "error"]
    assert len(errors) == refused
    assert all(line["reason"].endswith("No space left on device") for line in errors)
    assert not any("exception" in line for line in errors)

    # Deleting objects frees their space, and nothing else has taken any.
    for number in range(filled):
        assert service.request("DELETE", f"/api/buckets/{number}").status == 200
    wait_until(lambda: service.request("GET", "/readyz").status == 200)
    assert service.request("PUT", "/api/buckets/new", bytes(4 * MEBIBYTE)).status == 200
    for id in ("old", "new"):
        assert service.request("DELETE", f"/api/buckets/{id}").status == 200
    assert free_bytes(folder) == at_first


def test_a_full_temporary_disk_refuses_uploads_to_a_bucket(start, on_disk, tmp_path, object_storage):
    """Bodies for a bucket are received into the temporary folder first."""
    service = start(
        *on_disk, TMPDIR=tmp_path, MAX_OBJECT_BYTES=4 * DISK_BYTES, **object_storage.settings("objects")
    )
    folder = seen_from_here(service, tmp_path)
    at_first = free_bytes(folder)
    answer = service.request("PUT", "/api/buckets/new", bytes(2 * DISK_BYTES))
    assert (answer.status, answer.json) == (507, FULL)
    assert service.request("GET", "/api/buckets/new").status == 404
    assert service.request("PUT", "/api/buckets/new", bytes(DISK_BYTES // 2)).status == 200
    assert service.request("DELETE", "/api/buckets/new").status == 200
    assert free_bytes(folder) == at_first
