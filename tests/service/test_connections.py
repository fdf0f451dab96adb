"""Requests on one connection: each gets the response that it would get on a connection of its own."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from typing import NamedTuple

import pytest

from tests.support.service.hostile import STATE_FIELDS
from tests.support.service.hostile_client import Answer, parse, read_all
from tests.support.waiting import wait_until

TOKEN = "a-token-that-only-tests-have"  # noqa: S105
AUTHORIZATION = f"Authorization: Bearer {TOKEN}".encode()
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
KNOWN = b"/api/buckets/known"


class Sent(NamedTuple):
    """A request after which the connection stays open."""

    method: str
    head: bytes
    body: bytes = b""

    @property
    def asks_to_continue(self) -> bool:
        expects = re.search(rb"HTTP/1.1\r\n.*\r\nExpect: [^\r]*100-continue", self.head, re.S | re.I)
        return bool(expects and self.body)


def sent(method: str, target: bytes, version: bytes, *fields: bytes, body: bytes = b"") -> Sent:
    kept = (b"Connection: keep-alive",) if version == b"1.0" else ()
    line = b"%s %s HTTP/%s" % (method.encode(), target, version)
    return Sent(method, b"\r\n".join([line, *fields, *kept, b"", b""]), body)


BODIES = {
    "none": ((), b""),
    "empty": ((b"Content-Length: 0",), b""),
    "length": ((b"Content-Length: 5",), b"hello"),
    "chunks": ((b"Transfer-Encoding: chunked",), b"5\r\nhello\r\n0\r\nExpect: 100-continue\r\n\r\n"),
}
HOSTLESS = Sent("GET", b"GET /healthz HTTP/1.1\r\n\r\n")
"""A request that must be refused: it has no Host, and must not inherit one from another request."""
LATER = [
    sent("GET", KNOWN, b"1.0"),
    sent("GET", KNOWN, b"1.1", b"Host: x"),
    sent("GET", KNOWN, b"1.1", b"Host: x", AUTHORIZATION),
    sent("GET", KNOWN, b"1.0", AUTHORIZATION),
    sent("HEAD", KNOWN, b"1.1", b"Host: x", AUTHORIZATION),
    sent("PUT", b"/api/buckets/later", b"1.1", b"Host: x", AUTHORIZATION, b"Content-Length: 3", body=b"abc"),
    sent("DELETE", b"/api/buckets/none", b"1.0", AUTHORIZATION),
    sent("GET", b"/healthz", b"1.1", b"Host: x", b"Expect: 100-continue"),
]


def first_requests(version: bytes) -> Iterator[Sent]:
    """First requests: each field that changes framing or state, with each kind of body."""
    for (method, target), field, body in product(
        (("GET", KNOWN), ("PUT", b"/api/buckets/first")), STATE_FIELDS, BODIES
    ):
        framing, content = BODIES[body]
        if version == b"1.1" or body != "chunks":  # HTTP/1.0 has no chunked bodies; they are refused.
            yield sent(method, target, version, b"Host: y", AUTHORIZATION, field, *framing, body=content)


@pytest.fixture(scope="module")
def with_token(start, tmp_path_factory):
    """A service that requires a token and has the object KNOWN."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text(TOKEN)
    service = start(AUTH_TOKENS_FILE=tokens, STORE="memory")
    body = b"0123456789" * 30
    known = KNOWN.decode()
    assert service.request("PUT", known, body, Authorization=f"Bearer {TOKEN}").status == 200
    return service


def receive(connection: socket.socket, method: str) -> Answer:
    """Return the next response, to a request with this method."""
    data = b""
    while True:
        part = connection.recv(1 << 16)
        assert part, f"closed after {data!r}"
        data += part
        try:
            answers = list(parse(data, [method]))
        except ValueError:  # The response is not complete yet.
            continue
        if answers:
            assert not data.startswith(b"HTTP/1.1 100"), data
            return answers[0]


def one_by_one(connection: socket.socket, requests: list[Sent]) -> Iterator[Answer]:
    """Send each request after the response to the one before it, and its body after `100 Continue`."""
    for request in requests:
        if request.asks_to_continue:
            connection.sendall(request.head)
            asked = connection.recv(len(CONTINUE), socket.MSG_WAITALL)
            assert asked == CONTINUE, f"{asked} for {request}"
            connection.sendall(request.body)
        else:
            connection.sendall(request.head + request.body)
        answer = receive(connection, request.method)
        yield answer
        if b"\r\nConnection: close" in answer.head:
            return


def at_once(connection: socket.socket, requests: list[Sent]) -> Iterator[Answer]:
    """Send all requests before reading any response."""
    connection.sendall(b"".join(request.head + request.body for request in requests))
    connection.shutdown(socket.SHUT_WR)
    data = read_all(connection)
    assert data.count(CONTINUE) <= sum(request.asks_to_continue for request in requests), data
    return parse(data, [request.method for request in requests])


def comparable(answer: Answer) -> Answer:
    return answer._replace(head=re.sub(rb"\r\nDate: [^\r]*", b"", answer.head))


@pytest.mark.parametrize("version", [b"1.1", b"1.0"], ids=bytes.decode)
@pytest.mark.parametrize("exchange", [one_by_one, at_once])
def test_a_request_is_answered_as_on_its_own_connection(with_token, exchange, version):
    """A request after `Expect: 100-continue` without a body used to be read as that request's body."""

    def answers(requests: list[Sent]) -> list[Answer]:
        with with_token.connect() as connection:
            connection.settimeout(5)
            return [comparable(answer) for answer in exchange(connection, requests)]

    alone = {request: answers([request]) for request in [*LATER, HOSTLESS]}
    statuses = [found.status for (found,) in alone.values()]
    assert statuses == [401, 401, 200, 200, 200, 200, 400, 200, 400]
    for number, first in enumerate(first_requests(version)):
        turn = number % len(LATER)
        later = LATER[turn:] + LATER[:turn]
        for requests in ([first, *later, HOSTLESS], [first, HOSTLESS]):
            answer, *found = answers(requests)
            # A response without a length, such as 304, ends an HTTP/1.0 connection.
            ended = version == b"1.0" and answer.status == 304
            expected = [] if ended else [answer for request in requests[1:] for answer in alone[request]]
            assert found == expected, first


@pytest.mark.parametrize(
    ("version", "fields", "closes"),
    [
        ("1.1", "", False),
        ("1.1", "Connection: keep-alive\r\n", False),
        ("1.1", "Connection: TE, x\r\n", False),
        ("1.1", "Connection: close\r\n", True),
        ("1.1", "Connection: TE, close\r\n", True),
        ("1.1", "Connection: TE\r\nConnection:\tClose\r\n", True),
        ("1.1", "Connection: keep-alive,,close ,\r\n", True),
        ("1.1", "Connection: closed\r\n", False),
        ("1.0", "", True),
        ("1.0", "Connection: TE\r\n", True),
        ("1.0", "Connection: keep-alive\r\n", False),
        ("1.0", "Connection: TE, Keep-Alive\r\n", False),
        ("1.0", "Connection: keep-alive, close\r\n", True),
    ],
)
def test_the_connection_field_is_a_list(with_token, version, fields, closes):
    """Only a field that was exactly `close` or `keep-alive` used to be understood."""
    request = f"GET /healthz HTTP/{version}\r\nHost: x\r\n{fields}\r\n".encode()
    with with_token.connect() as connection:
        connection.sendall(request * 2)
        connection.shutdown(socket.SHUT_WR)
        answers = list(parse(read_all(connection), ["GET", "GET"]))
    assert [answer.status for answer in answers] == [200] * (1 if closes else 2)
    options = re.findall(rb"\r\nConnection: ([^\r]*)", answers[0].head)
    assert options == ([b"close"] if closes else [b"Keep-Alive"] if version == "1.0" else [])


@pytest.mark.parametrize(
    ("version", "fields", "asked"),
    [
        ("1.1", "Expect: 100-continue\r\nContent-Length: 5\r\n", True),
        ("1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", True),
        ("1.1", "Expect: x, 100-Continue\r\nContent-Length: 5\r\n", True),
        ("1.1", "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", True),
        ("1.1", "Expect: 100-continued\r\nContent-Length: 5\r\n", False),
        ("1.0", "Expect: 100-continue\r\nContent-Length: 5\r\n", False),
    ],
)
def test_a_client_that_waits_gets_100_continue(with_token, version, fields, asked):
    head = f"PUT /api/buckets/asked HTTP/{version}\r\nHost: x\r\n{AUTHORIZATION.decode()}\r\n{fields}\r\n"
    with with_token.connect() as connection:
        connection.sendall(head.encode())
        connection.settimeout(5 if asked else 0.3)
        if asked:
            assert connection.recv(100) == CONTINUE
        else:
            with pytest.raises(TimeoutError):
                connection.recv(1)
        connection.settimeout(5)
        connection.sendall(b"5\r\nhello\r\n0\r\n\r\n" if "chunked" in fields else b"hello")
        assert receive(connection, "PUT").status == 200


def test_100_continue_comes_after_earlier_responses(with_token):
    """The client may send `Expect: 100-continue` while its previous request is in progress."""
    first, second = LATER[2], sent("PUT", b"/api/buckets/asked", b"1.1", b"Host: x", AUTHORIZATION)
    asking = second.head[:-2] + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with with_token.connect() as connection:
        connection.settimeout(5)
        connection.sendall(first.head + asking)
        data = b""
        while not data.endswith(CONTINUE):
            data += connection.recv(1 << 16)
        assert [answer.status for answer in parse(data, ["GET"])] == [200]
        connection.sendall(b"hello")
        assert receive(connection, "PUT").status == 200


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize(
    "head",
    [
        "GET /api/buckets/known HTTP/{}\r\n",
        "GET /metrics HTTP/{}\r\n",
        "PUT /api/buckets/first HTTP/{}\r\nContent-Length: 0\r\n",
    ],
)
def test_expect_without_a_body_does_not_delay_the_shutdown(start, head, version):
    """The server used to ask for a body that did not exist, and waited SHUTDOWN_TIMEOUT_SECONDS for it."""
    service = start(STORE="memory")
    with ExitStack() as stack:
        connection = stack.enter_context(service.connect())
        fields = "Host: x\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall((head.format(version) + fields).encode())
        connection.settimeout(5)
        answer = receive(connection, head.split()[0])
        assert b"Connection: close" not in answer.head
        wait_until(lambda: [line["status"] for line in service.log if "status" in line] == [answer.status])
        service.signal()
        assert service.process.wait(5) == 0


def test_the_last_response_says_connection_close_once(start):
    """An HTTP/1.0 client with keep-alive used to get both `Connection: Keep-Alive` and `close`."""
    service = start(STORE="memory", SHUTDOWN_DELAY_SECONDS=2)
    with service.connect() as connection:
        service.signal()
        wait_until(lambda: service.request("GET", "/readyz").status == 503)
        connection.sendall(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head = read_all(connection)
    assert re.findall(rb"\r\nConnection: ([^\r]*)", head) == [b"close"]
    assert service.process.wait(10) == 0
