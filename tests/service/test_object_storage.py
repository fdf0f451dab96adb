"""The service on object storage: replicas that share a real S3 server."""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import quote, urlsplit

import pytest

from tests.support.waiting import wait_until


@pytest.fixture
def s3(object_storage, start):
    """Return a function that starts a service on a bucket, with these settings changed."""

    def run(bucket: str = "objects", **settings: str):
        return start(**(object_storage.settings(bucket) | settings))

    return run


def test_replicas_share_the_objects(s3):
    one, other = s3(), s3()
    target = "/api/buckets/sh%C3%A4red"
    assert one.request("GET", "/readyz").status == 200
    assert one.request("PUT", target, b"\x00from one").status == 200
    assert other.request("GET", target).body == b"\x00from one"
    assert other.request("PUT", target, b"").status == 200
    assert one.request("GET", target).body == b""
    assert one.request("DELETE", target).status == 200
    assert other.request("GET", target).status == 404
    assert other.request("DELETE", target).status == 400


def test_concurrent_changes_through_replicas_succeed_once(s3):
    """Exactly one of two concurrent creations or updates through different replicas succeeds."""
    replicas = (s3(), s3())
    target = "/api/buckets/agreed"

    def both(what: bytes, **headers: str) -> list[int]:
        def put(number: int) -> int:
            return replicas[number].request("PUT", target, what + b"%d" % number, **headers).status

        with ThreadPoolExecutor(2) as pool:
            return sorted(pool.map(put, range(2)))

    for _ in range(10):
        assert both(b"created by ", If_None_Match="*") == [200, 412]
        etag = replicas[0].request("HEAD", target).headers["etag"]
        assert both(b"updated by ", If_Match=etag) == [200, 412]
        assert replicas[0].request("GET", target).body[:-1] == b"updated by "
        assert replicas[1].request("DELETE", target).status == 200


def test_replicas_return_the_same_listing(s3):
    one, other = s3(), s3()
    ids = [f"listed-{rest}" for rest in ("a", "b", "\u00e9", "x" * 200)]
    for number, id in enumerate(ids):
        replica = (one, other)[number % 2]
        assert replica.request("PUT", f"/api/buckets/{quote(id)}", b"1234").status == 200
    for replica in (one, other):
        # The bucket may have objects of other tests.
        page = replica.request("GET", "/api/buckets?prefix=listed-").json
        assert page == {"buckets": [{"id": id, "size": 4} for id in sorted(ids)], "next": None}
    for id in ids:
        one.request("DELETE", f"/api/buckets/{quote(id)}")


def test_a_large_object_is_stored_and_returned(s3):
    data = bytes(range(256)) * 65536
    service = s3(MAX_OBJECT_BYTES=str(len(data)))
    assert service.request("PUT", "/api/buckets/large", data).status == 200
    assert service.request("GET", "/api/buckets/large").body == data
    assert service.request("DELETE", "/api/buckets/large").status == 200


class Cutter:
    """A TCP proxy that closes each connection after `after_bytes` bytes of responses; 0: never."""

    def __init__(self, endpoint: str) -> None:
        self.after_bytes = 0
        self._server = ("127.0.0.1", urlsplit(endpoint).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # Closed.
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for ends in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, are_answers: bool) -> None:
        passed = 0
        with source:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    passed += len(data)
                    if are_answers and 0 < self.after_bytes < passed:
                        target.sendall(data[: self.after_bytes - passed])
                        break
                    target.sendall(data)
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def cutter(object_storage):
    with closing(Cutter(object_storage.endpoint)) as opened:
        yield opened


def test_a_response_of_s3_that_is_cut_off_is_resumed_or_fails(s3, cutter):
    data = random.Random(1).randbytes(8_000_000)  # noqa: S311 - a fixed order, no secret
    service = s3(STORE_S3_ENDPOINT=cutter.endpoint)
    assert service.request("PUT", "/api/buckets/cut", data).status == 200
    cutter.after_bytes = 5_000_000
    assert service.request("GET", "/api/buckets/cut").body == data
    cutter.after_bytes = 1_500_000
    with pytest.raises(http.client.IncompleteRead) as torn:
        service.request("GET", "/api/buckets/cut")
    assert len(torn.value.partial) < len(data)
    assert data.startswith(torn.value.partial)
    # Until the response has begun, the service can send 503: without a response of S3, or with little of it.
    for cutter.after_bytes in (1, 2000):
        assert service.request("GET", "/api/buckets/cut").status == 503
    cutter.after_bytes = 0
    assert service.request("GET", "/api/buckets/cut").body == data
    assert service.request("DELETE", "/api/buckets/cut").status == 200


def test_object_gauges_are_missing_on_object_storage(s3):
    assert not s3().samples("storage_objects") | s3().samples("storage_stored_bytes")


def test_readiness_waits_for_the_bucket_only_at_start(s3, object_storage):
    service = s3("later")
    for _ in range(2):
        answer = service.request("GET", "/readyz")
        assert (answer.status, answer.json["reason"]) == (503, "the store is unavailable")
        time.sleep(1.1)  # For so long an answer counts.
    assert service.request("GET", "/healthz").status == 200
    warnings = [line for line in service.log if line["level"] == "warning"]
    assert [line["message"] for line in warnings] == ["not ready"] * 2
    for line in warnings:
        assert line["reason"].startswith("bucket later: ")
        assert "NoSuchBucket" in line["reason"]
    object_storage.make_bucket("later")
    wait_until(lambda: service.request("GET", "/readyz").status == 200)
    object_storage.remove_bucket("later")
    assert service.request("PUT", "/api/buckets/1", b"x").status == 503
    assert service.request("GET", "/readyz").status == 200


def test_wrong_credentials_are_reported(s3):
    service = s3(AWS_SECRET_ACCESS_KEY="wrong")  # noqa: S106 - no secret
    assert service.request("GET", "/readyz").status == 503
    put = service.request("PUT", "/api/buckets/1", b"x")
    assert (put.status, put.json) == (
        503,
        {"error": "service unavailable", "reason": "the store is unavailable"},
    )
    (error,) = [line for line in service.log if line["level"] == "error"]
    assert "403 Forbidden" in error["reason"]
    assert "wrong" not in error["reason"]


def test_an_unreachable_server_fails_soon(s3):
    service = s3(STORE_S3_ENDPOINT="http://127.0.0.1:1")
    assert service.request("GET", "/readyz").status == 503
    assert service.request("GET", "/api/buckets/1").status == 503
    assert service.request("GET", "/healthz").status == 200
