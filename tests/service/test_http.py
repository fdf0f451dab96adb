"""The HTTP contract: the response to each request, over a real socket."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage_api.http_server.target import HOST_RULE, TARGET_RULE

BAD_REQUEST = {"error": "bad request"}
NOT_FOUND = {"error": "not found"}
LIMIT = 1024 * 1024


def test_put_get_and_delete_an_object(service):
    created = service.request("PUT", "/api/buckets/round", b"\x00\xffdata")
    assert (created.status, created.body) == (200, b"Bucket round created")
    found = service.request("GET", "/api/buckets/round")
    assert (found.status, found.body) == (200, b"\x00\xffdata")
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert service.request("DELETE", "/api/buckets/round").status == 200
    assert service.request("GET", "/api/buckets/round").status == 404


def test_a_successful_delete_is_no_server_error(service):
    """The original service responded with 500 here, see docs/http-500.md."""
    service.request("PUT", "/api/buckets/gone", b"x")
    deleted = service.request("DELETE", "/api/buckets/gone")
    assert (deleted.status, deleted.body) == (200, b"")


def test_overwriting_returns_200_and_keeps_the_last_body(service):
    assert service.request("PUT", "/api/buckets/over", b"first, longer").status == 200
    assert service.request("PUT", "/api/buckets/over", b"second").status == 200
    assert service.request("GET", "/api/buckets/over").body == b"second"


def test_a_missing_object_is_404_for_get_and_400_for_delete(service):
    got = service.request("GET", "/api/buckets/missing")
    assert (got.status, got.json) == (404, NOT_FOUND)
    deleted = service.request("DELETE", "/api/buckets/missing")
    assert (deleted.status, deleted.json) == (400, BAD_REQUEST)


def test_an_empty_object_can_be_stored(service):
    assert service.request("PUT", "/api/buckets/empty", b"").status == 200
    got = service.request("GET", "/api/buckets/empty")
    assert (got.status, got.body) == (200, b"")


def test_a_form_is_stored_as_sent(service):
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    service.request("PUT", "/api/buckets/form", b"a=1&b=2", **form)
    assert service.request("GET", "/api/buckets/form").body == b"a=1&b=2"


def test_a_chunked_body_is_stored_as_one(service):
    head = b"PUT /api/buckets/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert service.raw(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").status == 200
    assert service.request("GET", "/api/buckets/chunked").body == b"abcde"


def test_head_is_get_without_the_body(service):
    service.request("PUT", "/api/buckets/head", b"12345")
    head = service.request("HEAD", "/api/buckets/head")
    assert (head.status, head.headers["content-length"], head.body) == (200, "5", b"")
    assert service.request("HEAD", "/api/buckets/missing").status == 404


def test_options_and_405_list_the_allowed_methods(service):
    options = service.request("OPTIONS", "/api/buckets/1")
    wrong = service.request("POST", "/api/buckets/1", b"x")
    assert (options.status, wrong.status, wrong.json) == (200, 405, {"error": "method not allowed"})
    for answer in (options, wrong):
        assert set(answer.headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}


@pytest.mark.parametrize(
    "target",
    [
        *("/", "/nothing", "/api", "/healthz/", "/metrics/x", "/api//buckets/1", "http://y", "http://y?x"),
        # Only a slash ends a segment, not an encoded one nor a backslash; segments have no parameters.
        *("/api%2Fbuckets", "/api%2Fbuckets/1", "/api/buckets%2f1", "/%2Fhealthz", "/api%2Fmetrics"),
        *("/api\\buckets\\1", "/api;a=b/buckets/1", "/healthz;a=b", "/api/../healthz", "/./healthz"),
    ],
)
def test_an_unknown_route_is_404(service, target):
    answer = service.request("GET", target)
    assert (answer.status, answer.json) == (404, NOT_FOUND)


@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
def test_probes_return_200(service, target):
    answer = service.request("GET", target)
    assert (answer.status, answer.json) == (200, {"status": "ok"})


# --- ids ------------------------------------------------------------------------------------------


def allowed(raw: bytes) -> bool:
    """The documented rule: 1 to 255 characters of UTF-8, no control characters, one path segment."""
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
def test_every_id_is_stored_separately_or_refused(service, raw):
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
        ("", "an id must have 1 to 255 characters; this one has 0"),
        ("x" * 256, "an id must have 1 to 255 characters; this one has 256"),
        ("%F0%9F%98%80" * 256, "an id must have 1 to 255 characters; this one has 256"),
        ("%ff", "an id must be percent-encoded UTF-8"),
        ("%fe", "an id must be percent-encoded UTF-8"),
        ("%c0%af", "an id must be percent-encoded UTF-8"),
        ("%ed%a0%80", "an id must be percent-encoded UTF-8"),
        ("a%0ab", "an id must not contain control characters"),
        ("%00", "an id must not contain control characters"),
        ("%7f", "an id must not contain control characters"),
        ("%c2%85", "an id must not contain control characters"),
        ("a/b", "an id must not contain '/', not even encoded as %2F"),
        ("a%2Fb", "an id must not contain '/', not even encoded as %2F"),
        ("a//", "an id must not contain '/', not even encoded as %2F"),
        ("..%2f..%2fetc", "an id must not contain '/', not even encoded as %2F"),
    ],
)
def test_a_refused_id_gets_a_reason(service, id, reason):
    answer = service.request("PUT", f"/api/buckets/{id}", b"x")
    assert (answer.status, answer.json) == (400, BAD_REQUEST | {"field": "id", "reason": reason})


@pytest.mark.parametrize(
    "id",
    [
        *("x" * 255, "%F0%9F%98%80" * 255, ".", "..", "%2e%2e", "a b", "%25ff", "%EF%BF%BD", "<b>"),
        *("a%252Fb", "%252F", "a;b=c", "a\\b", "a%5Cb", "a%23b", "a%3Fb", "http:%3A"),
    ],
)
def test_unusual_ids_are_allowed(service, id):
    target = "/api/buckets/" + quote(id, safe="%<>;=\\:")
    assert service.request("PUT", target, id.encode()).status == 200
    assert service.request("GET", target).body == id.encode()


@pytest.mark.parametrize("id", ["a%2F%252Fb", "%2F%252F", "%252F%2F", "a%2f%2Fb"])
def test_an_encoded_slash_is_refused_as_a_slash(service, id):
    answer = service.request("PUT", f"/api/buckets/{id}", b"x")
    assert (answer.status, answer.json["field"]) == (400, "id")
    assert answer.json["reason"] == "an id must not contain '/', not even encoded as %2F"


# --- targets and hosts ------------------------------------------------------------------------------

GUARDED = "/api/buckets/guarded"


@pytest.mark.parametrize(
    "target",
    [
        *(f"{GUARDED}#2", f"{GUARDED}#", f"{GUARDED}?#2", f"#{GUARDED}", f"http://y{GUARDED}#2"),
        *(f"mailto:{GUARDED}", f"x:{GUARDED}", f"http:{GUARDED}", f"ftp://y{GUARDED}", f"ws://y{GUARDED}"),
        *(GUARDED[1:], f"/{GUARDED}", f"//{GUARDED}", f"//y{GUARDED}", f"http://y/{GUARDED}", f"?{GUARDED}"),
        *(f"http://{GUARDED}", f"http://u:p@y{GUARDED}", f"http://y:99999{GUARDED}", f"http://y:z{GUARDED}"),
        *(f"http://[::1{GUARDED}", f"http://[::g]{GUARDED}", f"http://y#{GUARDED}", f"http://a,b{GUARDED}"),
        *(f"\t{GUARDED}", f"{GUARDED}\t", "/api/buck\tets/guarded", f"\x01{GUARDED}", f"{GUARDED}\x7f"),
        *(f"{GUARDED}%", f"{GUARDED}%zz", f"{GUARDED}%4", f"{GUARDED}%u0041", f"{GUARDED}?%", "/api%/x"),
        *(f"{GUARDED}\xe9", f"\\{GUARDED}", GUARDED.replace("/", "\\"), "*", "y", "y:443", "."),
    ],
)
def test_an_invalid_target_is_refused_and_changes_nothing(service, target):
    """Servers repair such targets in different ways, often to the path of an existing object."""
    assert service.request("PUT", GUARDED, b"kept").status == 200
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
        answer = service.raw(head.encode("latin-1"))
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert answer.json == BAD_REQUEST | {"reason": TARGET_RULE}
    assert service.request("GET", GUARDED).body == b"kept"


@pytest.mark.parametrize(
    "target",
    [
        *(GUARDED, "/%61pi/buckets/%67uarded", f"http://y{GUARDED}", f"https://y.example.org:443{GUARDED}"),
        *(f"HTTP://Y:80{GUARDED}", f"http://y.{GUARDED}"),
        *(f"http://[::1]:5000{GUARDED}", f"http://127.0.0.1:{GUARDED}", f"http://a_b%41{GUARDED}"),
    ],
)
def test_a_valid_target_is_served(service, target):
    assert service.request("PUT", GUARDED, b"kept").status == 200
    assert service.raw(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).body == b"kept"


def test_a_query_may_contain_a_url_scheme(service):
    for target in ("/api/buckets?prefix=http:?a", "http://y/api/buckets?prefix=http:?a"):
        assert service.raw(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).json["buckets"] == []


INVALID_HOSTS = (
    *("a b", "", "y/", "y/..", "y#z", "y?z", "u@y", "http://y", "a,b", "a\\b", "<y>", '"y"', "\xe9"),
    *("y:z", "y:-1", "y:65536", "y:5000000", "y:1:2", "::1", "[::1", "::1]", "[]", "[::g]", "[::1]5"),
    *("[1.2.3.4]", "[fe80::1%25eth0]", "[::1%eth0]", "y%", "y%4", "y%zz", "x\r\nHost: x", "x\r\nHost:"),
)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("host", INVALID_HOSTS)
def test_an_invalid_host_is_refused(service, host, version):
    for target in ("/healthz", "http://y/healthz"):
        answer = service.raw(f"GET {target} HTTP/{version}\r\nHost: {host}\r\n\r\n".encode("latin-1"))
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert answer.json == BAD_REQUEST | {"reason": HOST_RULE}


@pytest.mark.parametrize(
    "host",
    [
        *("y", "y:", "y:0", "y:65535", "Y.example.org.", "a_b-c~d", "y%41", "1.2.3.4:80", "300.1.1.1"),
        *("[::1]", "[::1]:5000", "[2001:DB8::1.2.3.4]", "!$&'()*+;="),
    ],
)
def test_a_valid_host_is_served(service, host):
    assert service.raw(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == 200


def test_http_1_0_needs_no_host(service):
    assert service.raw(b"GET /healthz HTTP/1.0\r\n\r\n").status == 200
    assert service.raw(b"GET http://y/healthz HTTP/1.0\r\n\r\n").status == 200
    for target in (b"/healthz", b"http://y/healthz"):
        assert service.raw(b"GET " + target + b" HTTP/1.1\r\n\r\n").json["reason"] == HOST_RULE


# --- refusals -------------------------------------------------------------------------------------


def test_an_object_above_the_size_limit_is_refused(service):
    data = b"x" * LIMIT
    assert service.request("PUT", "/api/buckets/large", data).status == 200
    answer = service.request("PUT", "/api/buckets/large", data + b"y")
    assert answer.status == 413
    assert answer.json == {
        "error": "request entity too large",
        "reason": f"an object may have at most {LIMIT} bytes (MAX_OBJECT_BYTES)",
    }
    assert service.request("GET", "/api/buckets/large").body == data


HUGE = 12 * LIMIT  # more than the socket buffers and the server accept


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Length: %d\r\n\r\n" % HUGE + b"x" * HUGE,
        b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * (HUGE // 0x10000),
    ],
    ids=["length", "chunks"],
)
def test_a_client_that_keeps_sending_still_gets_its_413(service, data):
    answer = service.raw(b"PUT /api/buckets/huge HTTP/1.1\r\nHost: x\r\n" + data)
    assert (answer.status, answer.json["error"]) == (413, "request entity too large")
    assert answer.headers["connection"] == "close"


def test_a_client_that_expects_100_continue_is_refused_at_once(service):
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
def test_malformed_http_gets_an_error_in_json(service, data, status):
    answer = service.raw(data)
    assert answer.status == status
    assert set(answer.json) == {"error", "reason"}
    assert service.request("GET", "/healthz").status == 200
