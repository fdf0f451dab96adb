"""Probes, crash and end of the real process."""

from __future__ import annotations

import hashlib
import http.client
import signal
import threading
import time
from contextlib import closing

import pytest

from storage_api.stores import FilesystemStore

# --- the end --------------------------------------------------------------------------------------

HALF = b"PUT /api/buckets/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234"


@pytest.fixture
def half_sent():
    """Begin an upload of b"0123456789" and send its first half; the rest is the test's to send."""
    connections = []

    def begin(service):
        connections.append(service.connect())
        connections[-1].sendall(HALF)
        time.sleep(0.2)  # the server has read it
        return connections[-1]

    yield begin
    for connection in connections:
        connection.close()


def refused(service) -> bool:
    try:
        service.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def wait_until(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_sigterm_drains(start, half_sent, read_response, tmp_path):
    """Readiness fails, then nothing new is taken, and the upload in flight ends well and is kept."""
    service = start(STORE_PATH=tmp_path, SHUTDOWN_DELAY_SECONDS=1)
    upload = half_sent(service)
    service.signal()
    wait_until(lambda: service.request("GET", "/readyz").status == 503)
    unready = service.request("GET", "/readyz")
    assert unready.json == {"error": "service unavailable", "reason": "shutting down"}
    assert service.request("GET", "/healthz").status == 200
    assert service.request("PUT", "/api/buckets/late", b"still served").status == 200
    wait_until(lambda: refused(service))
    assert service.process.poll() is None
    upload.sendall(b"56789")
    answer = read_response(upload)
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert service.process.wait(10) == 0
    with closing(FilesystemStore(tmp_path)) as store:
        for id, data in (("slow", b"0123456789"), ("late", b"still served")):
            with store.get(id).body as body:
                assert body.read() == data


def test_idle_connections_do_not_hold_the_end_up(start):
    service = start(STORE="memory")
    with service.connect() as unused, service.connect() as used:
        used.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert used.recv(12) == b"HTTP/1.1 200"
        service.signal()
        assert service.process.wait(5) == 0
        assert unused.recv(1) == b""


def test_a_request_that_never_ends_is_cut_off_at_the_limit(start, half_sent):
    service = start(STORE="memory", SHUTDOWN_TIMEOUT_SECONDS=1)
    half_sent(service)
    service.signal()
    assert service.process.wait(10) == 1
    assert service.log[-1]["message"] == "1 request(s) cut off after SHUTDOWN_TIMEOUT_SECONDS"


def test_a_second_signal_ends_at_once(start, half_sent):
    service = start(STORE="memory", SHUTDOWN_TIMEOUT_SECONDS=3600)
    half_sent(service)
    service.signal()
    wait_until(lambda: refused(service))
    service.signal(signal.SIGINT)
    assert service.process.wait(5) == 128 + signal.SIGINT


def test_no_request_fails_while_clients_are_sent_elsewhere(start):
    """Clients that keep their connections are told to leave with an answer, never by a reset."""
    service = start(STORE="memory", SHUTDOWN_DELAY_SECONDS=1)
    answers: list[list[int]] = [[] for _ in range(4)]

    def use(statuses: list[int]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        with closing(connection):
            while True:
                connection.request("PUT", "/api/buckets/1", b"x" * 1000)
                with connection.getresponse() as response:
                    response.read()
                    statuses.append(response.status)
                    if response.getheader("Connection") == "close":
                        return

    threads = [threading.Thread(target=use, args=(statuses,)) for statuses in answers]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(answers))
    service.signal()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert {status for statuses in answers for status in statuses} == {200}
    assert service.process.wait(10) == 0


# --- crashes --------------------------------------------------------------------------------------


def version(number: int) -> bytes:
    """The `number`th content of an object; its head tells which, and its digest that it is whole."""
    payload = b"%d:" % number + bytes([number % 256]) * (number * 7919 % 60_000)
    return hashlib.sha256(payload).digest() + payload


def test_no_acknowledged_object_is_lost_or_torn_by_kill_9(start, tmp_path):
    """In each round four writers overwrite their objects until the process is killed.

    Nothing may be torn or older than what was acknowledged; the gauges are right; nothing is left behind.
    """
    acknowledged = [0, 0, 0, 0]

    def write(service, writer: int) -> None:
        while True:
            number = acknowledged[writer] + 1
            try:
                status = service.request("PUT", f"/api/buckets/{writer}", version(number)).status
            except (OSError, http.client.HTTPException):
                return
            assert status == 200
            acknowledged[writer] = number

    for round in range(12):
        service = start(STORE_PATH=tmp_path)
        sizes = []
        for writer, number in enumerate(acknowledged):
            body = service.request("GET", f"/api/buckets/{writer}").body if round else version(0)
            found = int(body[32:].split(b":", 1)[0])
            assert body == version(found)
            # One more than acknowledged: it was stored, and the kill came before the answer.
            assert found in (number, number + 1)
            acknowledged[writer] = found
            sizes.append(len(body))
        if round:
            samples = service.samples("storage_api_")
            assert samples["storage_api_objects", "", "", ""] == len(sizes)
            assert samples["storage_api_stored_bytes", "", "", ""] == sum(sizes)
        assert not list((tmp_path / "incoming").iterdir())

        reached = [number + 5 for number in acknowledged]
        threads = [threading.Thread(target=write, args=(service, writer)) for writer in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda goal=reached: all(a >= b for a, b in zip(acknowledged, goal, strict=True)), 30)
        service.signal(signal.SIGKILL)
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        service.process.wait(5)
