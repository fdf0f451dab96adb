"""The service on object storage: a real S3 server, shared by replicas."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest


@pytest.fixture
def s3(object_storage, start):
    """Start a service on a bucket, with settings changed as given."""

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


def test_replicas_agree_who_was_first(s3):
    """Both create, both update: of each two, one succeeds, whichever replica it asks."""
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


def test_replicas_list_the_same(s3):
    one, other = s3(), s3()
    ids = ["a", "b", "\u00e9", "x" * 200]
    for number, id in enumerate(ids):
        replica = (one, other)[number % 2]
        assert replica.request("PUT", f"/api/buckets/{quote(id)}", b"1234").status == 200
    for replica in (one, other):
        page = replica.request("GET", "/api/buckets").json
        assert page == {"buckets": [{"id": id, "size": 4} for id in sorted(ids)], "next": None}
    for id in ids:
        one.request("DELETE", f"/api/buckets/{quote(id)}")


def test_a_large_object(s3):
    data = bytes(range(256)) * 65536
    service = s3(MAX_OBJECT_BYTES=str(len(data)))
    assert service.request("PUT", "/api/buckets/large", data).status == 200
    assert service.request("GET", "/api/buckets/large").body == data
    assert service.request("DELETE", "/api/buckets/large").status == 200


def test_no_gauge_tells_what_no_replica_knows(s3):
    assert not s3().samples("storage_objects") | s3().samples("storage_stored_bytes")


def test_not_ready_until_the_bucket_is_there_and_then_for_good(s3, object_storage):
    service = s3("later")
    for _ in range(2):
        answer = service.request("GET", "/readyz")
        assert (answer.status, answer.json["reason"]) == (503, "the store is out of order")
    assert service.request("GET", "/healthz").status == 200
    warnings = [line for line in service.log if line["level"] == "warning"]
    assert [line["message"] for line in warnings] == ["not ready"] * 2
    for line in warnings:
        assert line["reason"].startswith("bucket later: ")
        assert "NoSuchBucket" in line["reason"]
    object_storage.make_bucket("later")
    assert service.request("GET", "/readyz").status == 200
    object_storage.remove_bucket("later")
    assert service.request("PUT", "/api/buckets/1", b"x").status == 503
    assert service.request("GET", "/readyz").status == 200


def test_wrong_credentials_are_said(s3):
    service = s3(AWS_SECRET_ACCESS_KEY="wrong")  # noqa: S106 - no secret
    assert service.request("GET", "/readyz").status == 503
    put = service.request("PUT", "/api/buckets/1", b"x")
    assert (put.status, put.json) == (
        503,
        {"error": "service unavailable", "reason": "the store is out of order"},
    )
    (error,) = [line for line in service.log if line["level"] == "error"]
    assert "403 Forbidden" in error["reason"]
    assert "wrong" not in error["reason"]


def test_a_server_that_is_not_there_is_given_up_soon(s3):
    service = s3(STORE_S3_ENDPOINT="http://127.0.0.1:1")
    assert service.request("GET", "/readyz").status == 503
    assert service.request("GET", "/api/buckets/1").status == 503
    assert service.request("GET", "/healthz").status == 200
