"""Objects over HTTP, on every store: media types, metadata, etags, conditions, ranges and the listing."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage_api.stores import METADATA_CHARACTERS
from tests.support.waiting import wait_until

TARGET = "/api/buckets/a"
DATA = b"0123456789"
ETAG = f'"{hashlib.sha256(DATA).hexdigest()}"'
OTHER = f'"{hashlib.sha256(b"other").hexdigest()}"'


CLOUDS = {"s3": "object_storage", "azure": "azure_storage"}


@pytest.fixture(scope="module", params=["memory", "filesystem", *CLOUDS])
def stored(request, start) -> Iterator:
    """A service on each store; objects have at most 4 MiB."""
    if request.param in CLOUDS:
        storage = request.getfixturevalue(CLOUDS[request.param])
        yield start(MAX_OBJECT_BYTES=4 * 1024 * 1024, **storage.settings("objects"))
    else:
        yield start(MAX_OBJECT_BYTES=4 * 1024 * 1024, STORE=request.param)


@pytest.fixture
def service(stored):
    """The service; all objects are deleted after the test."""
    yield stored
    while ids := [found["id"] for found in stored.request("GET", "/api/buckets?limit=1000").json["buckets"]]:
        for id in ids:
            assert stored.request("DELETE", f"/api/buckets/{quote(id, safe='')}").status == 200


@pytest.fixture
def object(service):
    """The service with the object DATA at TARGET."""
    assert service.request("PUT", TARGET, DATA, Content_Type="text/plain; charset=utf-8").status == 200
    return service


# --- bodies and metadata --------------------------------------------------------------------------


def test_an_object_has_a_type_and_an_etag(object):
    put = object.request("PUT", TARGET, DATA, Content_Type="text/plain; charset=utf-8")
    got = object.request("GET", TARGET)
    assert (got.status, got.body, got.headers["content-length"]) == (200, DATA, "10")
    assert put.headers["etag"] == got.headers["etag"] == ETAG
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert got.headers["accept-ranges"] == "bytes"
    # Browsers must neither guess the type of a stored page nor run its scripts.
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "sandbox"


def test_head_is_get_without_the_body(object):
    got, head = object.request("GET", TARGET), object.request("HEAD", TARGET)
    assert (head.status, head.body) == (200, b"")
    vary = {"date", "traceresponse"}
    assert {name: value for name, value in head.headers.items() if name not in vary} == {
        name: value for name, value in got.headers.items() if name not in vary
    }
    assert object.request("HEAD", "/api/buckets/missing").status == 404


@pytest.mark.parametrize("sent", [None, ""])
def test_an_object_without_a_type_is_application_octet_stream(service, sent):
    headers = {} if sent is None else {"Content_Type": sent}
    service.request("PUT", TARGET, DATA, **headers)
    assert service.request("GET", TARGET).headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("type", ["x" * 255, '"', "no type at all", "text/html; a=\"b\\c\"; d=' '"])
def test_a_content_type_is_kept_unchanged(service, type):
    assert service.request("PUT", TARGET, DATA, Content_Type=type).status == 200
    assert service.request("GET", TARGET).headers["content-type"] == type


@pytest.mark.parametrize("type", ["x" * 256, "text/\u00e9", "a\tb"])
def test_an_invalid_content_type_is_refused(object, type):
    answer = object.request("PUT", TARGET, b"new", Content_Type=type)
    assert answer.status == 400
    assert answer.json == {
        "error": "bad request",
        "reason": "Content-Type must be printable ASCII of at most 255 characters",
        "field": "Content-Type",
    }
    assert object.request("GET", TARGET).body == DATA


KEPT = {
    "content-encoding": "gzip",
    "content-language": "de-AT, en",
    "content-disposition": 'attachment; filename="a  b.txt"',
    "cache-control": "max-age=60, no-transform",
}


def kept(answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name in KEPT}


def test_metadata_of_an_object_are_kept(service):
    compressed = gzip.compress(DATA)
    put = service.request("PUT", TARGET, compressed, **KEPT)
    etag = f'"{hashlib.sha256(compressed).hexdigest()}"'
    assert (put.status, put.headers["etag"]) == (200, etag)
    for method, headers, status in (
        ("GET", {}, 200),
        ("HEAD", {}, 200),
        ("GET", {"Range": "bytes=1-3"}, 206),
        # A client that does not accept the coding gets it anyway: the service never decompresses.
        ("GET", {"Accept-Encoding": "identity"}, 200),
    ):
        answer = service.request(method, TARGET, **headers)
        assert (answer.status, kept(answer), answer.headers["etag"]) == (status, KEPT, etag)
        if method == "GET":
            assert answer.body == (compressed if status == 200 else compressed[1:4])
    # A 304 has the Cache-Control of the object and none of its other metadata.
    for method in ("GET", "HEAD"):
        fresh = service.request(method, TARGET, If_None_Match=etag)
        assert (fresh.status, kept(fresh)) == (304, {"cache-control": KEPT["cache-control"]})
    for headers, status in (({"If_Match": OTHER}, 412), ({"Range": "bytes=999-"}, 416)):
        refused = service.request("GET", TARGET, **headers)
        assert (refused.status, kept(refused)) == (status, {})
    # A new object under the same id does not inherit metadata.
    service.request("PUT", TARGET, DATA, Content_Encoding="")
    assert kept(service.request("GET", TARGET)) == {}


@pytest.mark.parametrize("name", METADATA_CHARACTERS)
def test_invalid_metadata_are_refused(object, name):
    most = METADATA_CHARACTERS[name]
    for value in ("x" * (most + 1), "\u00e9", "a\tb"):
        answer = object.request("PUT", TARGET, b"new", **{name: value.encode()})
        assert (answer.status, answer.json) == (
            400,
            {
                "error": "bad request",
                "reason": f"{name} must be printable ASCII of at most {most} characters",
                "field": name,
            },
        )
    assert object.request("GET", TARGET).body == DATA
    assert object.request("PUT", TARGET, b"new", **{name: "x" * most}).status == 200
    assert object.request("GET", TARGET).headers[name.lower()] == "x" * most


@pytest.mark.parametrize("codings", ["gzip br", "gzip;q=1", ",", "a, ", '"gzip"'])
def test_an_invalid_content_encoding_is_refused(object, codings):
    answer = object.request("PUT", TARGET, b"new", Content_Encoding=codings)
    reason = "Content-Encoding must be a list of codings, such as gzip"
    assert (answer.status, answer.json["field"], answer.json["reason"]) == (400, "Content-Encoding", reason)


NOT_SERVED = [
    # Upload of a part of an object.
    ("Content-Range", "bytes 4-5/10"),
    ("Upload-Offset", "10"),
    ("Upload-Complete", "?0"),
    ("X-Ms-Range", "bytes=4-5"),
    ("X-Amz-Write-Offset-Bytes", "10"),
    # Copy of another object.
    ("X-Amz-Copy-Source", "/bucket/key"),
    ("X-Amz-Copy-Source-Range", "bytes=0-9"),
    ("X-Goog-Copy-Source", "bucket/key"),
    ("X-Ms-Copy-Source", "https://example.org/x"),
    # Framed bodies and other kinds of objects.
    ("Content-Encoding", "aws-chunked"),
    ("Content-Encoding", "gzip, AWS-chunked"),
    ("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    ("X-Amz-Decoded-Content-Length", "10"),
    ("X-Amz-Trailer", "x-amz-checksum-crc32"),
    ("Content-Transfer-Encoding", "base64"),
    ("X-Ms-Blob-Type", "AppendBlob"),
    # Conditions of other protocols.
    ("If", '(["etag"])'),
    ("X-Goog-If-Generation-Match", "0"),
    ("X-Ms-Lease-Id", "00000000-0000-0000-0000-000000000000"),
    # Checksums, permissions, encryption and metadata, which clients would assume to be in effect.
    ("X-Amz-Checksum-Crc32", "AAAAAA=="),
    ("X-Goog-Hash", "crc32c=AAAAAA=="),
    ("X-Ms-Blob-Content-Md5", "AAAAAA=="),
    ("X-Amz-Acl", "private"),
    ("X-Goog-Acl", "private"),
    ("X-Amz-Server-Side-Encryption", "aws:kms"),
    ("X-Amz-Meta-Owner", "me"),
    ("X-Goog-Meta-Owner", "me"),
    ("X-Ms-Meta-Owner", "me"),
    ("Content-Location", "/elsewhere"),
    ("Content-Features", "x"),
    ("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
    # Method overrides.
    ("X-Http-Method-Override", "PATCH"),
    ("X-Http-Method", "DELETE"),
    ("X-Method-Override", "DELETE"),
]


@pytest.mark.parametrize(("name", "value"), NOT_SERVED)
def test_fields_that_change_the_meaning_of_a_put_are_refused(object, name, value):
    answer = object.request("PUT", TARGET, b"45", **{name: value})
    assert (answer.status, answer.json["field"]) == (400, name)
    assert "is not supported" in answer.json["reason"]
    assert object.request("GET", TARGET).body == DATA


@pytest.mark.parametrize("name", ["If", "X-Goog-If-Generation-Match", "X-Ms-Lease-Id", "X-Http-Method"])
def test_fields_that_change_the_meaning_of_a_delete_are_refused(object, name):
    answer = object.request("DELETE", TARGET, **{name: "x"})
    assert (answer.status, answer.json["field"]) == (400, name)
    assert object.request("GET", TARGET).body == DATA


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Fields that proxies and clients add to any request.
        ("X-Amz-Cf-Id", "x"),
        ("X-Amzn-Trace-Id", "Root=1-0-0"),
        ("X-Goog-Iap-Jwt-Assertion", "x"),
        ("X-Goog-Authenticated-User-Email", "x"),
        ("X-Ms-Client-Principal", "x"),
        ("X-Ms-Version", "2021-08-06"),
        # Fields that ask for the service's normal behavior.
        ("X-Ms-Blob-Type", "BlockBlob"),
        ("Upload-Complete", "?1"),
        ("Want-Content-Digest", "sha-256=1"),
    ],
)
def test_harmless_fields_are_accepted(service, name, value):
    assert service.request("PUT", TARGET, DATA, **{name: value}).status == 200
    assert service.request("DELETE", TARGET, **{name: value}).status == 200


def base64_of(algorithm: str, data: bytes) -> str:
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


def digests(data: bytes) -> list[tuple[str, str]]:
    """Each field that can carry a digest, with the digest of `data`."""
    sha256, sha512, md5 = (base64_of(name, data) for name in ("sha256", "sha512", "md5"))
    return [
        ("Content-Digest", f"sha-256=:{sha256}:"),
        ("Content-Digest", f"sha-512=:{sha512}:, sha-256=:{sha256}:"),
        ("Repr-Digest", f"sha-512=:{sha512}:"),
        ("Digest", f"SHA-256={sha256},md5={md5}"),
        ("Content-MD5", md5),
    ]


@pytest.mark.parametrize("size", [0, 10, 700_000])
def test_a_digest_is_verified(service, size):
    data, other = b"x" * size, b"y" * (size + 1)
    for field, value in digests(data):
        assert service.request("PUT", TARGET, data, **{field: value}).status == 200
        assert service.request("GET", TARGET).body == data
        answer = service.request("PUT", TARGET, other, **{field: value})
        assert (answer.status, answer.json["field"]) == (400, field)
        assert answer.json["reason"].endswith("digest: it was changed in transit")
        assert service.request("GET", TARGET).body == data


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            (field, value)
            for field in ("Content-Digest", "Repr-Digest", "Digest")
            for value in ("", "x", ",")
        ),
        ("Content-Digest", "unixsum=:AAAA:"),
        ("Content-Digest", f"sha-256={base64_of('sha256', DATA)}"),
        ("Content-Digest", f"sha-256=:{base64_of('sha256', DATA)}:, crc32c=:AAAA:"),
        ("Digest", "adler32=03da0195"),
        ("Content-MD5", hashlib.md5(DATA, usedforsecurity=False).hexdigest()),
        ("Content-MD5", ""),
    ],
)
def test_a_digest_that_cannot_be_verified_is_refused(service, field, value):
    answer = service.request("PUT", TARGET, DATA, **{field: value})
    assert (answer.status, answer.json["field"]) == (400, field)
    assert service.request("GET", TARGET).status == 404


@pytest.mark.parametrize(
    "query",
    ["partNumber=1&uploadId=x", "acl", "append", "versionId=1", "comp=block&blockid=AA==", "%ff=1", "a"],
)
@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD", "DELETE"])
def test_a_parameter_of_another_protocol_is_refused(object, method, query):
    answer = object.request(method, f"{TARGET}?{query}", b"45" if method == "PUT" else None)
    assert answer.status == 400
    if method != "HEAD":
        field = query.partition("=")[0].replace("%ff", "\ufffd")
        expected = {"error": "bad request", "field": field, "reason": "this path takes no parameters"}
        assert answer.json == expected
    assert object.request("GET", f"{TARGET}?").body == DATA
    assert object.request("OPTIONS", f"{TARGET}?{query}").status == 200


def test_an_empty_object_has_an_etag_and_a_length(service):
    etag = f'"{hashlib.sha256(b"").hexdigest()}"'
    assert service.request("PUT", TARGET, b"").headers["etag"] == etag
    got = service.request("GET", TARGET)
    assert (got.status, got.body, got.headers["content-length"], got.headers["etag"]) == (200, b"", "0", etag)


@pytest.mark.parametrize("size", [512 * 1024, 512 * 1024 + 1, 3_000_000])
def test_a_large_body_is_received_and_returned_unchanged(service, size):
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    assert service.request("PUT", TARGET, data).headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    assert service.request("GET", TARGET).body == data
    head = b"PUT /api/buckets/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(chunk), chunk)
        for chunk in (data[start : start + 70_001] for start in range(0, size, 70_001))
    )
    assert service.raw(head + chunks + b"0\r\n\r\n").status == 200
    assert service.request("GET", "/api/buckets/chunked").body == data


# --- conditions -----------------------------------------------------------------------------------


READS = [
    # headers, status of GET and HEAD
    ({"If_Match": ETAG}, 200),
    ({"If_Match": f"{OTHER}, {ETAG}"}, 200),
    ({"If_Match": f"{OTHER} ,\t{ETAG},"}, 200),
    ({"If_Match": "*"}, 200),
    ({"If_Match": OTHER}, 412),
    ({"If_Match": f"W/{ETAG}"}, 412),
    ({"If_Match": '""'}, 412),
    ({"If_None_Match": OTHER}, 200),
    ({"If_None_Match": ETAG}, 304),
    ({"If_None_Match": f"W/{ETAG}"}, 304),
    ({"If_None_Match": f'{OTHER}, "x,y", W/{ETAG}'}, 304),
    ({"If_None_Match": "*"}, 304),
    # If-Match takes precedence.
    ({"If_Match": OTHER, "If_None_Match": ETAG}, 412),
    ({"If_Match": ETAG, "If_None_Match": ETAG}, 304),
    # The service stores no dates, so it ignores conditions with dates.
    ({"If_Modified_Since": "Thu, 01 Jan 2099 00:00:00 GMT"}, 200),
    ({"If_Unmodified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200),
]


@pytest.mark.parametrize(("headers", "status"), READS)
def test_conditions_on_reading(object, headers, status):
    for method in ("GET", "HEAD"):
        answer = object.request(method, TARGET, **headers)
        assert answer.status == status
        if status == 412:
            expected = {"error": "precondition failed"}
            assert json.loads(answer.body or "{}") == (expected if method == "GET" else {})
        else:
            assert answer.body == (DATA if (method, status) == ("GET", 200) else b"")
            assert answer.headers["etag"] == ETAG
        if status == 304:
            assert not answer.headers.keys() & {"content-length", "content-type", "transfer-encoding"}


def test_conditions_on_reading_a_missing_object_are_ignored(service):
    for headers in ({"If_Match": ETAG}, {"If_None_Match": "*"}):
        assert service.request("GET", TARGET, **headers).status == 404


WRITES = [
    # headers, status when the object is there, when there is none
    ({"If_None_Match": "*"}, 412, 200),
    ({"If_None_Match": ETAG}, 412, 200),
    ({"If_None_Match": f"W/{ETAG}"}, 412, 200),
    ({"If_None_Match": OTHER}, 200, 200),
    ({"If_Match": ETAG}, 200, 412),
    ({"If_Match": "*"}, 200, 412),
    ({"If_Match": f"W/{ETAG}"}, 412, 412),
    ({"If_Match": OTHER}, 412, 412),
    ({"If_Match": ETAG, "If_None_Match": OTHER}, 200, 412),
    ({"If_Match": ETAG, "If_None_Match": ETAG}, 412, 412),
]


@pytest.mark.parametrize(("headers", "there", "absent"), WRITES)
@pytest.mark.parametrize("size", [3, 600_000])
def test_conditions_on_writing(object, headers, there, absent, size):
    new = b"n" * size
    assert object.request("PUT", TARGET, new, **headers).status == there
    assert object.request("GET", TARGET).body == (new if there == 200 else DATA)
    object.request("DELETE", TARGET)
    assert object.request("PUT", TARGET, new, **headers).status == absent
    assert object.request("GET", TARGET).status == (200 if absent == 200 else 404)


@pytest.mark.parametrize(("headers", "there", "_absent"), WRITES)
def test_conditions_on_deleting(object, headers, there, _absent):
    assert object.request("DELETE", TARGET, **headers).status == there
    assert object.request("GET", TARGET).status == (404 if there == 200 else 200)
    object.request("DELETE", TARGET)
    # The contract of deleting a missing object takes precedence.
    assert object.request("DELETE", TARGET, **headers).status == 400


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize(
    "value", ["", "abc", '"abc', 'w/"a"', '"a" "b"', '*, "a"', '"a"b', "W/", '"a"; "b"', ","]
)
def test_an_invalid_condition_is_refused(object, name, value):
    """If it were ignored, a conditional change would happen unconditionally."""
    for method in ("PUT", "DELETE", "GET", "HEAD"):
        answer = object.request(method, TARGET, b"new" if method == "PUT" else None, **{name: value})
        assert answer.status == 400
        if method != "HEAD":
            assert (answer.json["field"], answer.json["reason"][: len(name)]) == (name, name)
    assert object.request("GET", TARGET).body == DATA


def test_if_none_match_lets_one_of_many_requests_create(service):
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: service.request("PUT", TARGET, b"%d" % n, If_None_Match="*"), range(8))
        )
    winners = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert sorted(answer.status for answer in answers) == [200] + [412] * 7
    assert service.request("GET", TARGET).body == b"%d" % winners[0]


# --- ranges ---------------------------------------------------------------------------------------


RANGES = [
    ("bytes=0-4", b"01234", "0-4"),
    ("bytes=0-0", b"0", "0-0"),
    ("bytes=9-9", b"9", "9-9"),
    ("bytes=3-", b"3456789", "3-9"),
    ("bytes=3-99", b"3456789", "3-9"),
    ("bytes=0-", DATA, "0-9"),
    ("bytes=-3", b"789", "7-9"),
    ("bytes=-10", DATA, "0-9"),
    ("bytes=-11", DATA, "0-9"),
    ("bytes=-999999999999", DATA, "0-9"),
    ("Bytes=1-1", b"1", "1-1"),
]


@pytest.mark.parametrize(("asked", "body", "told"), RANGES)
def test_a_range_returns_a_part_with_206(object, asked, body, told):
    answer = object.request("GET", TARGET, Range=asked)
    assert (answer.status, answer.body) == (206, body)
    assert answer.headers["content-range"] == f"bytes {told}/10"
    assert answer.headers["content-length"] == str(len(body))
    assert (answer.headers["etag"], answer.headers["content-type"]) == (ETAG, "text/plain; charset=utf-8")


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-12", "bytes=999999999999-"])
def test_an_unsatisfiable_range_is_416(object, asked):
    answer = object.request("GET", TARGET, Range=asked)
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */10")
    assert answer.json["error"] == "requested range not satisfiable"


@pytest.mark.parametrize(
    "asked",
    [
        # several ranges, other units, and invalid ranges
        *("bytes=0-1,4-5", "items=0-1", "bytes=4-1", "bytes=", "bytes=-", "bytes=a-b", "0-1", "", "bytes=-0"),
        *("bytes=1_0-", "bytes=\u0661-", f"bytes=0-{'9' * 5000}", "bytes=--1"),
    ],
)
def test_anything_but_a_single_range_gets_the_whole_object(object, asked):
    answer = object.request("GET", TARGET, Range=asked.encode())
    assert (answer.status, answer.body) == (200, DATA)
    assert "content-range" not in answer.headers


def test_ranges_of_an_empty_object(service):
    """Its last n bytes are the whole object (RFC 9110, 14.1.2); a range from a byte on is unsatisfiable."""
    service.request("PUT", TARGET, b"")
    for asked in ("bytes=-1", "bytes=-5", "bytes=-999999999999"):
        answer = service.request("GET", TARGET, Range=asked)
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
        assert "content-range" not in answer.headers
    for asked in ("bytes=0-", "bytes=0-0"):
        answer = service.request("GET", TARGET, Range=asked)
        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */0")


def test_a_range_applies_only_to_get(object):
    head = object.request("HEAD", TARGET, Range="bytes=0-1")
    assert (head.status, head.headers["content-length"]) == (200, "10")
    assert object.request("PUT", TARGET, b"new", Range="bytes=0-1").status == 200
    assert object.request("GET", TARGET).body == b"new"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_Range": ETAG}, 206),
        ({"If_Range": f"W/{ETAG}"}, 200),
        ({"If_Range": OTHER}, 200),
        ({"If_Range": "Thu, 01 Jan 2099 00:00:00 GMT"}, 200),
        ({"If_Range": ""}, 200),
        ({"If_Match": ETAG}, 206),
        ({"If_None_Match": OTHER}, 206),
        ({"If_Match": OTHER}, 412),
        ({"If_None_Match": ETAG}, 304),
    ],
)
def test_a_range_with_if_range(object, headers, status):
    answer = object.request("GET", TARGET, Range="bytes=2-4", **headers)
    assert answer.status == status
    if status in (200, 206):
        assert answer.body == (DATA if status == 200 else b"234")
    # An unsatisfiable range matters only if If-Range lets it apply.
    answer = object.request("GET", TARGET, Range="bytes=99-", **headers)
    assert answer.status == (416 if status == 206 else status)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3_000_000), st.integers(0, 3_000_000))
def test_parts_of_a_large_object(service, first, last):
    data = bytes(range(251)) * 10_000
    if service.request("HEAD", TARGET).status == 404:
        service.request("PUT", TARGET, data)
    answer = service.request("GET", TARGET, Range=f"bytes={first}-{last}")
    if last < first:
        assert (answer.status, len(answer.body)) == (200, len(data))
    elif first >= len(data):
        assert answer.status == 416
    else:
        assert (answer.status, answer.body) == (206, data[first : last + 1])


# --- the listing ----------------------------------------------------------------------------------


def listed(service, **query: object) -> dict:
    answer = service.request("GET", f"/api/buckets?{urlencode(query)}")
    assert answer.status == 200, answer
    return answer.json


def test_the_listing_describes_each_object(object, stored, request):
    known = {"id": "a", "size": 10, "etag": ETAG, "content_type": "text/plain; charset=utf-8"}
    if request.node.callspec.params["stored"] in CLOUDS:
        known = {"id": "a", "size": 10}
    assert listed(object) == {"buckets": [known], "next": None}
    head = object.request("HEAD", "/api/buckets")
    assert (head.status, head.body) == (200, b"")


def test_pages_follow_each_other(service):
    ids = sorted(["", "1", " ", "&", "\u00e9", "+", "%2F", "?x=y", "\U0001f600" * 50, "é" * 10])
    for id in ids:
        assert service.request("PUT", f"/api/buckets/x{quote(id, safe='')}", b"").status == 200
    service.request("PUT", "/api/buckets/other", b"")
    for limit in (1, 2, 9, 10, 11):
        found, query = [], {"prefix": "x", "limit": limit}
        while True:
            page = listed(service, **query)
            assert 1 <= len(page["buckets"]) <= limit
            found += [item["id"] for item in page["buckets"]]
            if page["next"] is None:
                break
            query["after"] = page["next"]
        assert found == [f"x{id}" for id in ids]


def test_a_page_has_100_objects_by_default(service):
    for number in range(101):
        service.request("PUT", f"/api/buckets/{number:03}", b"")
    page = listed(service)
    assert ([item["id"] for item in page["buckets"]], page["next"]) == (
        [f"{number:03}" for number in range(100)],
        "099",
    )
    assert [item["id"] for item in listed(service, after="099")["buckets"]] == ["100"]
    assert len(listed(service, limit=1000)["buckets"]) == 101


REFUSED = [
    ("limit=0", "limit", "limit must be a whole number from 1 to 1000"),
    ("limit=1001", "limit", "limit must be a whole number from 1 to 1000"),
    ("limit=", "limit", "limit must be a whole number from 1 to 1000"),
    ("limit=-1", "limit", "limit must be a whole number from 1 to 1000"),
    ("limit=1_0", "limit", "limit must be a whole number from 1 to 1000"),
    ("limit=%D9%A1", "limit", "limit must be a whole number from 1 to 1000"),
    (f"limit={'9' * 5000}", "limit", "limit must be a whole number from 1 to 1000"),
    ("limit=1&limit=1", "limit", "a parameter must not be repeated"),
    ("after=", "after", "an id must have 1 to 255 characters; this one has 0"),
    (f"after={'x' * 256}", "after", "an id must have 1 to 255 characters; this one has 256"),
    ("after=%00", "after", "an id must not contain control characters"),
    ("after=a%2Fb", "after", "an id must not contain '/', not even encoded as %2F"),
    ("after=%ff", "after", "a parameter must be percent-encoded UTF-8"),
    (f"prefix={'x' * 256}", "prefix", "an id must have 1 to 255 characters; this one has 256"),
    ("prefix=a/", "prefix", "an id must not contain '/', not even encoded as %2F"),
    ("prefix=%ed%a0%80", "prefix", "a parameter must be percent-encoded UTF-8"),
    ("prefix=a&after=b&prefix=a", "prefix", "a parameter must not be repeated"),
    ("limits=1", "limits", "unknown parameter: use prefix, limit, after"),
    ("%ff=1", "\ufffd", "unknown parameter: use prefix, limit, after"),
    (f"{'x' * 5000}=1", "x" * 255, "unknown parameter: use prefix, limit, after"),
]


@pytest.mark.parametrize(("query", "field", "reason"), REFUSED)
def test_an_invalid_query_parameter_is_refused(stored, query, field, reason):
    answer = stored.request("GET", f"/api/buckets?{query}")
    assert (answer.status, answer.json) == (
        400,
        {"error": "bad request", "reason": reason, "field": field},
    )


@pytest.mark.parametrize("query", ["", "?", "?prefix=", "?&limit=5&", "?prefix=%e2%82%ac", "?limit=0005"])
def test_valid_query_parameters_are_accepted(stored, query):
    assert stored.request("GET", f"/api/buckets{query}").json == {"buckets": [], "next": None}


# --- clients that leave ---------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="looks at open files in /proc")
def test_a_client_that_disconnects_leaves_nothing_behind(start, tmp_path: Path):
    """Neither a partial body nor an object."""
    service = start(STORE_PATH=tmp_path / "data", MAX_OBJECT_BYTES=10_000_000)
    incoming = tmp_path / "data" / "incoming"
    head = b"PUT /api/buckets/left HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
    with service.connect() as connection:
        connection.sendall(head + b"x" * 8_000_000)
        wait_until(lambda: sum(file.stat().st_size for file in incoming.iterdir()) == 8_000_000)
    wait_until(lambda: not list(incoming.iterdir()))
    # A client that disconnects in the middle of a response.
    service.request("PUT", "/api/buckets/large", bytes(9_000_000))
    with service.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /api/buckets/large HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(100)
    wait_until(lambda: not any("/data/objects/" in file for file in open_files(service)))
    assert service.request("GET", "/api/buckets/left").status == 404
    assert service.request("GET", "/healthz").status == 200


def open_files(service) -> list[str]:
    names = []
    for descriptor in Path(f"/proc/{service.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # Closed in the meantime.
            names.append(str(descriptor.readlink()))
    return names
