"""The HTTP contract: what each request is answered, over a real socket."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BAD_REQUEST = {"error": "bad request"}
NOT_FOUND = {"error": "not found"}
LIMIT = 1024 * 1024


def test_put_get_delete(service):
    created = service.request("PUT", "/api/buckets/round", b"\x00\xffdata")
    assert (created.status, created.body) == (200, b"Bucket round created")
    found = service.request("GET", "/api/buckets/round")
    assert (found.status, found.body) == (200, b"\x00\xffdata")
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert service.request("DELETE", "/api/buckets/round").status == 200
    assert service.request("GET", "/api/buckets/round").status == 404


def test_a_successful_delete_is_no_server_error(service):
    """The original service answered 500 here, see docs/http-500.md."""
    service.request("PUT", "/api/buckets/gone", b"x")
    deleted = service.request("DELETE", "/api/buckets/gone")
    assert (deleted.status, deleted.body) == (200, b"")


def test_overwriting_is_200_and_keeps_the_last(service):
    assert service.request("PUT", "/api/buckets/over", b"first, longer").status == 200
    assert service.request("PUT", "/api/buckets/over", b"second").status == 200
    assert service.request("GET", "/api/buckets/over").body == b"second"


def test_missing_is_404_for_get_and_400_for_delete(service):
    got = service.request("GET", "/api/buckets/missing")
    assert (got.status, got.json) == (404, NOT_FOUND)
    deleted = service.request("DELETE", "/api/buckets/missing")
    assert (deleted.status, deleted.json) == (400, BAD_REQUEST)


def test_an_empty_object_is_an_object(service):
    assert service.request("PUT", "/api/buckets/empty", b"").status == 200
    got = service.request("GET", "/api/buckets/empty")
    assert (got.status, got.body) == (200, b"")


def test_a_form_is_stored_as_sent(service):
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    service.request("PUT", "/api/buckets/form", b"a=1&b=2", **form)
    assert service.request("GET", "/api/buckets/form").body == b"a=1&b=2"


def test_chunks_are_joined(service):
    head = b"PUT /api/buckets/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert service.raw(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").status == 200
    assert service.request("GET", "/api/buckets/chunked").body == b"abcde"


def test_head_is_get_without_the_body(service):
    service.request("PUT", "/api/buckets/head", b"12345")
    head = service.request("HEAD", "/api/buckets/head")
    assert (head.status, head.headers["content-length"], head.body) == (200, "5", b"")
    assert service.request("HEAD", "/api/buckets/missing").status == 404


def test_options_and_a_wrong_method_name_the_allowed(service):
    options = service.request("OPTIONS", "/api/buckets/1")
    wrong = service.request("POST", "/api/buckets/1", b"x")
    assert (options.status, wrong.status, wrong.json) == (200, 405, {"error": "method not allowed"})
    for answer in (options, wrong):
        assert set(answer.headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}


@pytest.mark.parametrize(
    "target", ["/", "/nothing", "/api", "/healthz/", "/metrics/x", "/api//buckets/1", "*"]
)
def test_an_unknown_route_is_404(service, target):
    answer = service.request("GET", target)
    assert (answer.status, answer.json) == (404, NOT_FOUND)


@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
def test_probes(service, target):
    answer = service.request("GET", target)
    assert (answer.status, answer.json) == (200, {"status": "ok"})


# --- ids ------------------------------------------------------------------------------------------


def allowed(raw: bytes) -> bool:
    """The rule in words: 1 to 255 characters of UTF-8, no control characters, one segment."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return 1 <= len(text) <= 255 and "/" not in text and "Cc" not in map(unicodedata.category, text)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/")).map(
            str.encode
        ),
        st.binary(max_size=20),
    )
)
def test_every_id_is_kept_apart_or_refused(service, raw):
    target = "/api/buckets/" + quote(raw, safe="")
    put = service.request("PUT", target, raw)
    got = service.request("GET", target)
    deleted = service.request("DELETE", target)
    if allowed(raw):
        assert (put.status, got.status, got.body, deleted.status) == (200, 200, raw, 200)
        assert service.request("GET", target).status == 404
    else:
        for answer in (put, got, deleted):
            assert answer.status == 400
            assert answer.json["reason"].startswith("an id ")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=4).filter(allowed), min_size=2, max_size=6, unique=True))
def test_different_ids_are_different_objects(service, ids):
    targets = ["/api/buckets/" + quote(raw, safe="") for raw in ids]
    for raw, target in zip(ids, targets, strict=True):
        assert service.request("PUT", target, raw).status == 200
    assert [service.request("GET", target).body for target in targets] == ids


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("", "an id has 1 to 255 characters, this one has 0"),
        ("x" * 256, "an id has 1 to 255 characters, this one has 256"),
        ("%F0%9F%98%80" * 256, "an id has 1 to 255 characters, this one has 256"),
        ("%ff", "an id is UTF-8 (percent-encoded)"),
        ("%fe", "an id is UTF-8 (percent-encoded)"),
        ("%c0%af", "an id is UTF-8 (percent-encoded)"),
        ("%ed%a0%80", "an id is UTF-8 (percent-encoded)"),
        ("a%0ab", "an id has no control characters"),
        ("%00", "an id has no control characters"),
        ("%7f", "an id has no control characters"),
        ("%c2%85", "an id has no control characters"),
        ("a/b", "an id is one segment of the path: no '/', also not as %2F"),
        ("a%2Fb", "an id is one segment of the path: no '/', also not as %2F"),
        ("a//", "an id is one segment of the path: no '/', also not as %2F"),
        ("..%2f..%2fetc", "an id is one segment of the path: no '/', also not as %2F"),
    ],
)
def test_the_reason_of_a_refused_id(service, id, reason):
    answer = service.request("PUT", f"/api/buckets/{id}", b"x")
    assert (answer.status, answer.json) == (400, BAD_REQUEST | {"field": "id", "reason": reason})


@pytest.mark.parametrize(
    "id", ["x" * 255, "%F0%9F%98%80" * 255, ".", "..", "%2e%2e", "a b", "%25ff", "%EF%BF%BD", "<b>"]
)
def test_unusual_ids_that_are_allowed(service, id):
    target = "/api/buckets/" + quote(id, safe="%<>")
    assert service.request("PUT", target, id.encode()).status == 200
    assert service.request("GET", target).body == id.encode()


def test_a_raw_tab_does_not_vanish_from_an_id(service):
    """URL parsing would drop it, and so fold two ids into one."""
    answer = service.raw(b"PUT /api/buckets/a\tb HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
    assert (answer.status, answer.json["reason"]) == (400, "an id has no control characters")


# --- refusals -------------------------------------------------------------------------------------


def test_the_largest_object_and_one_byte_more(service):
    data = b"x" * LIMIT
    assert service.request("PUT", "/api/buckets/large", data).status == 200
    answer = service.request("PUT", "/api/buckets/large", data + b"y")
    assert answer.status == 413
    assert answer.json == {
        "error": "request entity too large",
        "reason": f"an object has at most {LIMIT} bytes (MAX_OBJECT_BYTES)",
    }
    assert service.request("GET", "/api/buckets/large").body == data


HUGE = 12 * LIMIT  # more than the sockets' buffers hold and more than the server takes in


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Length: %d\r\n\r\n" % HUGE + b"x" * HUGE,
        b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * (HUGE // 0x10000),
    ],
    ids=["length", "chunks"],
)
def test_a_client_that_sends_on_still_sees_its_413(service, data):
    answer = service.raw(b"PUT /api/buckets/huge HTTP/1.1\r\nHost: x\r\n" + data)
    assert (answer.status, answer.json["error"]) == (413, "request entity too large")
    assert answer.headers["connection"] == "close"


def test_a_client_that_asks_first_is_refused_at_once(service):
    head = b"PUT /api/buckets/huge HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    with service.connect() as connection:
        connection.sendall(head % HUGE)
        assert connection.recv(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /api/buckets/1 HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"PUT /api/buckets/1 HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"PUT /api/buckets/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"PUT /api/buckets/1 HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_http_is_answered_in_json(service, data, status):
    answer = service.raw(data)
    assert answer.status == status
    assert set(answer.json) == {"error", "reason"}
    assert service.request("GET", "/healthz").status == 200
