"""Responses that a client does not receive completely, and changes of the wall clock during a response."""

from __future__ import annotations

import json
import signal
import socket
import struct
import time

import pytest

from tests.support.service.process import SERVICE
from tests.support.waiting import wait_until

SIZE = 12 * 2**20
"""More than socket buffers take at once, and less than waitress buffers in memory."""
TARGET = "/api/buckets/large"
LARGEST = {"MAX_OBJECT_BYTES": 2**25}


def logged(service, method: str = "GET") -> dict:
    """Return the log line of the only request for TARGET with this method."""

    def found() -> list[dict]:
        return [line for line in service.log if line.get("path") == TARGET and line["method"] == method]

    (line,) = wait_until(found)
    return line


def counted(service, path: str, method: str, status: str) -> float:
    return service.samples("http_request_count_total")["http_request_count_total", path, method, status]


def begin_download(service) -> socket.socket:
    """Request TARGET and read the first bytes of the response."""
    connection = service.connect()
    connection.sendall(f"GET {TARGET} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def read_rest(connection: socket.socket) -> int:
    """Read the body until it has SIZE bytes or the connection ends, and return its length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    read = len(data.partition(b"\r\n\r\n")[2])
    while read < SIZE and (data := connection.recv(2**20)):
        read += len(data)
    return read


@pytest.fixture(params=["filesystem", "memory", "s3"])
def holding_large(request, start):
    """A service with an object of SIZE bytes, on each kind of store: a file, memory, and a stream."""
    if request.param == "s3":
        settings = request.getfixturevalue("object_storage").settings("objects")
    else:
        settings = {"STORE": request.param}
    service = start(**LARGEST, **settings, SHUTDOWN_TIMEOUT_SECONDS=1)
    assert service.request("PUT", TARGET, b"x" * SIZE).status == 200
    return service


def test_a_client_that_disconnects_counts_as_499(holding_large):
    """It used to count as 200, however little of the response the client had read."""
    with begin_download(holding_large) as connection:
        connection.recv(100_000, socket.MSG_WAITALL)
    line = logged(holding_large)
    assert (line["status"], "error_type" in line) == (499, False)
    assert 0 < line["response_bytes"] <= SIZE
    assert counted(holding_large, "/api/buckets/<id>", "GET", "499") == 1
    assert counted(holding_large, "/api/buckets/<id>", "GET", "200") == 0


def test_a_slow_complete_download_counts_as_200_with_its_duration(holding_large):
    with begin_download(holding_large) as connection:
        time.sleep(1)
        assert not [line for line in holding_large.log if line.get("method") == "GET"]
        assert read_rest(connection) == SIZE
    line = logged(holding_large)
    assert (line["status"], line["response_bytes"]) == (200, SIZE)
    assert line["duration_seconds"] >= 1


def test_a_response_cut_off_by_the_shutdown_counts_as_500(holding_large):
    with begin_download(holding_large):
        holding_large.signal(signal.SIGTERM)
        assert holding_large.process.wait(20) == 1
        line = logged(holding_large)
    assert (line["status"], line["error_type"]) == (500, "ShutdownTimeout")


def test_a_client_that_resets_before_its_response_counts_as_499(start):
    service = start(STORE="memory", FAULTS_ENABLED="true")
    fault = json.dumps({"latency_seconds": 0.5}).encode()
    assert service.request("PUT", "/faults", fault, Content_Type="application/json").status == 200
    with service.connect() as connection:
        connection.sendall(f"PUT {TARGET} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx".encode())
        time.sleep(0.1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert logged(service, "PUT")["status"] == 499
    # The status table has no 499 for PUT, so the response counts as unmatched.
    assert counted(service, "unmatched", "_OTHER", "499") == 1


# --- the wall clock -----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_change_of_the_wall_clock_cuts_off_no_response(start, clock, step):
    """A resumed machine or its first NTP sync used to end slow downloads, which were logged as 200."""
    service = start(STORE="filesystem", **LARGEST, PYTHONPATH=f"{clock}:{SERVICE}")
    assert service.request("PUT", TARGET, b"x" * SIZE).status == 200
    with begin_download(service) as download, service.connect() as idle:
        (clock / "step").write_text(str(step))
        time.sleep(3)
        assert read_rest(download) == SIZE
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        answered = service.request("GET", "/healthz")
    line = logged(service)
    assert (line["status"], line["response_bytes"]) == (200, SIZE)
    assert 2.5 < line["duration_seconds"] < 60
    # The clock did change: the Date header follows it.
    said = time.mktime(time.strptime(answered.headers["date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert abs(said - time.time() - step) < 60
    service.signal()
    assert service.process.wait(10) == 0
