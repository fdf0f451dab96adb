"""Hostile clients get responses or refusals, leave nothing behind, and block no other client."""

from __future__ import annotations

import resource
import socket
import struct
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from storage_api.http_server import server
from tests.support.service.hostile import SMUGGLED, Generator
from tests.support.service.hostile_client import ALLOWED, Client, parse, read_all
from tests.support.service.process import SERVICE
from tests.support.waiting import wait_until

CLIENTS = 3
TOKEN = "a-token-that-only-tests-have"  # noqa: S105
AUTHORIZATION = f"Authorization: Bearer {TOKEN}"
SEED = 20_240_229
GROWTH = 16 * 2**20
"""Allowed growth in bytes, which includes the index of thousands of new objects."""
SLOW = 40
DEAF = 20
FLOOD = 1500
"""More connections than the service keeps open."""


class Watched:
    """A service with tokens and drills enabled, and its use of resources."""

    def __init__(self, start, folder: Path) -> None:
        tokens = folder / "tokens"
        tokens.write_text(f"{TOKEN}\n")
        self.data = folder / "data"
        self.service = start(
            AUTH_TOKENS_FILE=tokens, FAULTS_ENABLED="true", MAX_OBJECT_BYTES=2**20, STORE_PATH=self.data
        )
        self._process = psutil.Process(self.service.process.pid)

    def series(self) -> dict[tuple, float]:
        """All series on /metrics, with their labels."""
        text = self.service.request("GET", "/metrics").body.decode()
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def counted(self) -> Counter[int]:
        """Number of responses by status, from the metrics."""
        counted = Counter()
        for (name, *labels), value in self.series().items():
            if name == "http_request_count_total" and value:
                counted[int(dict(labels)["status"])] += int(value)
        return counted

    def logged(self) -> int:
        return sum(line["message"] == "request" for line in self.service.log)

    @property
    def memory(self) -> int:
        """Resident memory in bytes."""
        return self._process.memory_info().rss

    @property
    def descriptors(self) -> int:
        return self._process.num_fds()

    def at_rest(self) -> dict[str, int]:
        """Wait until all connections are closed; return the numbers of resources that must not leak."""

        def connections() -> list:
            return [c for c in self._process.net_connections("tcp") if c.status != "LISTEN"]

        wait_until(lambda: not connections(), 30, "no connection is left", every=0.2)
        return {
            "descriptors": self.descriptors,
            "threads": self._process.num_threads(),
            "unfinished uploads": len(list((self.data / "incoming").iterdir())),
        }

    def is_served(self) -> bool:
        """Tell if an object can be put and read without delay."""
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert self.service.request("PUT", "/api/buckets/after", b"it all", **headers).status == 200
        assert self.service.request("GET", "/api/buckets/after", **headers).body == b"it all"
        assert self.service.request("GET", "/readyz").status == 200
        return time.monotonic() - began < 2


@pytest.fixture(scope="module")
def watched(start, tmp_path_factory) -> Watched:
    return Watched(start, tmp_path_factory.mktemp("hostile"))


def slow_client(port: int, number: int, pause: float) -> bytes:
    """Send a head or a body a few bytes at a time, with pauses between; return the start of the response."""
    head = f"PUT /api/buckets/slow-{number} HTTP/1.1\r\nHost: x\r\n{AUTHORIZATION}\r\n"
    data = head.encode() + b"Connection: close\r\nContent-Length: 20\r\n\r\n" + b"0123456789" * 2
    fast = data.index(b"\r\n\r\n") if number % 2 else 1
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(data[:fast])
        for start in range(fast, len(data), 5):
            time.sleep(pause)
            connection.sendall(data[start : start + 5])
        return connection.recv(12)


@pytest.mark.timeout(600)
def test_hostile_requests_are_refused_and_harm_nothing(watched, draws):
    requests = draws(4_000, 100_000)
    port = watched.service.port
    clients = [Client(port) for _ in range(CLIENTS)]

    def run(round: int, requests: int) -> None:
        """Send this many hostile requests while some slow but honest clients send theirs."""
        with ThreadPoolExecutor(CLIENTS + SLOW) as pool:
            pause = draws(0.03, 0.1)
            slow = [pool.submit(slow_client, port, number, pause) for number in range(SLOW)]
            for number, client in enumerate(clients):
                generator = Generator(SEED + CLIENTS * round + number, AUTHORIZATION.encode())
                slow.append(pool.submit(client.run, generator.scripts(requests // CLIENTS)))
            assert {future.result() for future in slow} == {b"HTTP/1.1 200", None}

    series = watched.series().keys()
    run(0, draws(1_000, 5_000))  # Objects that are created once exist now.
    before, memory = watched.at_rest(), watched.memory
    round = 0
    while sum(client.answered for client in clients) < requests:
        round += 1
        run(round, draws(2_500, 20_000))

    problems = [problem for client in clients for problem in client.problems]
    assert not problems, f"{len(problems)} problems, such as:\n" + "\n".join(problems[:5])
    answered = sum((client.statuses for client in clients), Counter())
    # A few requests do not come to every status.
    assert answered.keys() <= ALLOWED and answered.keys() >= draws({200, 400, 404}, ALLOWED), answered
    assert watched.is_served()
    assert watched.series().keys() == series
    assert watched.at_rest() == before
    assert watched.memory < memory + GROWTH
    # No request hidden in a body was executed.
    listing = f"/api/buckets?prefix={SMUGGLED}"
    assert watched.service.request("GET", listing, Authorization=f"Bearer {TOKEN}").json["buckets"] == []
    # Each response is counted and logged, in whole lines of JSON; the scrape does not count itself.
    counted = watched.counted()
    assert answered <= counted
    assert counted.total() <= sum(client.sent for client in clients) + SLOW * (round + 1) + 10
    wait_until(lambda: watched.logged() == counted.total() + 1, awaited=f"{counted.total()} + 1 lines")
    assert not [line for line in watched.service.log if line["level"] not in ("info", "debug")]


PUT = f"PUT /api/buckets/1 HTTP/1.1\r\nHost: x\r\n{AUTHORIZATION}\r\n".encode()
CHUNKS = PUT + b"Transfer-Encoding: chunked\r\n\r\n"
INNER = f"PUT /api/buckets/{SMUGGLED} HTTP/1.1\r\nHost: x\r\n{AUTHORIZATION}\r\n\r\n".encode()


@pytest.mark.parametrize(
    "data",
    [
        # Each used to block the thread that reads all connections, for a time quadratic in its length.
        pytest.param(b"GET x://" + b"1" * 12_000 + b" x x\r\n\r\n", id="digits in the request line"),
        pytest.param(b"GET / HTTP/1.1\r\nA:" + b" " * 50_000 + b"\x01\r\n\r\n", id="blanks, then a control"),
        pytest.param(b"GET / HTTP/1.1\r\nA:" + b" \t" * 25_000 + b"x\r\n\r\n", id="blanks before a value"),
        pytest.param(CHUNKS + b"1" * 2**23, id="a chunk's size without an end"),
        pytest.param(CHUNKS + b"0\r\n" + b"T: " + b"x" * 2**23, id="a trailer without an end"),
        # Each used to close the connection without a response and log a traceback.
        pytest.param(b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n", id="an invalid address"),
        pytest.param(PUT + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", id="a length of 5,000 digits"),
        # A proxy could parse each of these differently than the server did (request smuggling).
        pytest.param(
            PUT + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + INNER,
            id="two lengths",
        ),
        pytest.param(
            PUT.replace(b"1.1", b"1.0")
            + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            + INNER,
            id="chunks in HTTP/1.0",
        ),
        pytest.param(
            PUT + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + INNER, id="chunks twice"
        ),
        pytest.param(PUT + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n" + INNER, id="an empty coding"),
        pytest.param(
            PUT + b"Transfer-Encoding: ,\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + INNER,
            id="a length and an empty coding",
        ),
        pytest.param(CHUNKS + b"5\n\r\nhello\r\n0\r\n\r\n" + INNER, id="a line feed after a chunk's size"),
        pytest.param(CHUNKS + b"5;a\n\r\nhello\r\n0\r\n\r\n" + INNER, id="a line feed after an extension"),
        pytest.param(CHUNKS + b"0\r\nT: 1\n\n" + INNER, id="a line feed in a trailer"),
        pytest.param(PUT.replace(b"1.1", b"2.0") + b"\r\n", id="another version"),
        pytest.param(PUT.replace(b"Host: x\r\n", b"") + b"Content-Length: 9\r\n\r\n", id="no host"),
        pytest.param(PUT + b"Host: y\r\n\r\n", id="two hosts"),
        pytest.param(PUT + b"A: 1\r\n Content-Length: 5\r\n\r\n" + INNER, id="a folded field"),
    ],
)
def test_a_malformed_request_is_refused_at_once(watched, data):
    began = time.monotonic()
    answer = watched.service.raw(data)
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert answer.json["reason"]
    assert time.monotonic() - began < 3
    assert watched.is_served()
    inner = watched.service.request("GET", f"/api/buckets/{SMUGGLED}", Authorization=f"Bearer {TOKEN}")
    assert inner.status == 404


def test_a_query_with_non_ascii_bytes_gets_200_or_400(watched):
    """It used to get 500."""
    for query in ("prefix=%C3%A9", "prefix=%ff", "limit=%D9%A3", "%C3%A9=1"):
        answer = watched.service.request("GET", f"/api/buckets?{query}", Authorization=f"Bearer {TOKEN}")
        assert answer.status == (200 if query == "prefix=%C3%A9" else 400)


def test_a_response_without_a_body_keeps_the_connection_open(watched):
    """304 used to end it: the client's next request was reset, and its response was lost."""
    read = PUT.replace(b"PUT", b"GET") + b"If-None-Match: *\r\n\r\n"
    with watched.service.connect() as connection:
        connection.sendall(
            PUT + b"\r\n" + read + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answers = list(parse(read_all(connection), ["PUT", "GET", "GET"]))
    assert [answer.status for answer in answers] == [200, 304, 200]
    assert b"Connection" not in answers[1].head
    with watched.service.connect() as connection:
        connection.sendall(read[:-2] + b"Connection: close\r\n\r\n")
        (answer,) = parse(read_all(connection), ["GET"])
    assert b"\r\nConnection: close" in answer.head


def test_clients_that_reset_during_a_response_leave_no_traceback(watched):
    """Closing such a connection a second time used to log a traceback."""
    for number in range(400):
        with watched.service.connect() as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            time.sleep(number % 20 * 1e-4)
            # Close with RST.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert watched.is_served()
    assert not [line for line in watched.service.log if line["level"] == "error"]


def test_slow_clients_do_not_block_other_clients(watched, missing_part):
    """They open more connections than the limit, and send a few bytes now and then but no whole request."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < FLOOD + 200:
        missing_part(f"a limit of {FLOOD + 200} open files (ulimit -n), for {FLOOD} connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, FLOOD + 200), most))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (limit, most))
        held = []
        for number in range(FLOOD):
            connection = stack.enter_context(watched.service.connect())
            connection.sendall((b"GET / HTTP/1.1\r\nX: ", PUT + b"Content-Length: 99\r\n\r\nx")[number % 2])
            held.append(connection)
            if number % 100 == 99:
                assert watched.is_served()
        for _ in range(10):
            for connection in held:
                with suppress(OSError):  # The service has closed it.
                    connection.send(b"x")
            assert watched.is_served()
    watched.at_rest()


def test_a_steady_upload_outlives_slow_clients(watched):
    """The slowest connections are closed first."""
    body = b"0123456789abcdef" * 2**12
    with ExitStack() as stack, watched.service.connect() as upload:
        upload.sendall(PUT + b"Content-Length: %d\r\n\r\n" % len(body))
        for number in range(64):
            upload.sendall(body[number * 1024 : (number + 1) * 1024])
            for _ in range(16):
                stack.enter_context(watched.service.connect()).sendall(b"GET / HTTP/1.1\r\n")
            time.sleep(0.02)
        assert upload.recv(12) == b"HTTP/1.1 200"


def test_stalled_uploads_do_not_fill_the_memory(watched):
    """Each used to keep half a MiB of its body in memory, without a time limit."""
    watched.at_rest()
    memory = watched.memory
    with ExitStack() as stack:
        for _ in range(200):
            upload = stack.enter_context(watched.service.connect())
            upload.sendall(PUT + b"Content-Length: 1000000\r\n\r\n" + b"x" * 500_000)
        assert watched.is_served()
        assert watched.memory < memory + 48 * 2**20
    assert watched.at_rest()["unfinished uploads"] == 0


def test_connections_never_exceed_the_limit_of_open_files(start):
    """With the lowest limit of open files (docs/service.md), the service keeps serving under a flood."""
    service = start("bash", "-c", 'ulimit -n 200 && exec "$@"', "bash")
    with ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(service.connect()).sendall(
                b"PUT /api/buckets/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000
            )
        deadline, served = time.monotonic() + 10, None
        while served != 200:
            assert time.monotonic() < deadline
            with suppress(OSError):  # May be closed as the slowest: the others sent more at once.
                served = service.request("PUT", "/api/buckets/2", b"x" * 150_000).status
    assert not [line for line in service.log if line["level"] != "info"]


@pytest.mark.parametrize(("size", "requests"), [(2**20, 60), (20 * 2**20, 2)])
def test_clients_that_do_not_read_do_not_block_other_clients(start, size, requests):
    """Eight of them used to occupy all threads, with an open file for each response they did not read."""
    service = start(MAX_OBJECT_BYTES=2**25)
    process = psutil.Process(service.process.pid)
    assert service.request("PUT", "/api/buckets/large", b"x" * size).status == 200
    descriptors, memory = process.num_fds(), process.memory_info().rss
    with ExitStack() as stack:
        for _ in range(DEAF):
            deaf = stack.enter_context(service.connect())
            deaf.sendall(b"GET /api/buckets/large HTTP/1.1\r\nHost: x\r\n\r\n" * requests)
        for _ in range(5):
            time.sleep(0.2)
            assert service.request("GET", "/api/buckets").status == 200
        # Each sending thread holds only as much as the socket takes at a time, never a whole response.
        assert process.memory_info().rss < memory + 8 * GROWTH
        assert process.num_fds() < descriptors + 4 * DEAF
    wait_until(lambda: process.num_fds() <= descriptors)


SHORTER = """
from storage_api.http_server import server
server.STALLED_SECONDS = {}
"""


def test_a_client_that_stops_reading_is_disconnected(start, tmp_path, draws):
    (tmp_path / "sitecustomize.py").write_text(SHORTER.format(draws(3, server.STALLED_SECONDS)))
    service = start(MAX_OBJECT_BYTES=2**25, PYTHONPATH=f"{tmp_path}:{SERVICE}")
    process = psutil.Process(service.process.pid)
    descriptors = process.num_fds()
    assert service.request("PUT", "/api/buckets/large", b"x" * 20 * 2**20).status == 200
    with service.connect() as deaf, service.connect() as idle:
        deaf.sendall(b"GET /api/buckets/large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert deaf.recv(5) == b"HTTP/"
        assert process.num_fds() >= descriptors + 3
        # The idle connection keeps its descriptor.
        wait_until(lambda: process.num_fds() <= descriptors + 1, 60, every=0.1)
        assert len(read_all(deaf)) < 19 * 2**20
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert next(parse(read_all(idle), ["GET"])).status == 200


def test_a_client_that_reads_late_gets_every_response(watched):
    """Its later requests are served as it reads: no response is lost or out of order."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for number in range(5):
        body = bytes([number]) * 300_000
        assert watched.service.request("PUT", f"/api/buckets/late-{number}", body, **headers).status == 200
    with watched.service.connect() as connection:
        for number in range(60):
            line = f"GET /api/buckets/late-{number % 5} HTTP/1.1\r\nHost: x\r\n{AUTHORIZATION}\r\n"
            connection.sendall(line.encode() + (b"Connection: close\r\n\r\n" if number == 59 else b"\r\n"))
        time.sleep(1)
        answers = list(parse(read_all(connection), ["GET"] * 60))
    assert [answer.body for answer in answers] == [bytes([number % 5]) * 300_000 for number in range(60)]
