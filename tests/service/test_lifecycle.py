"""Probes, addresses, threads, ports and the shutdown of the real process."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import psutil
import pytest

from storage_api.config import Config
from storage_api.http_server import listener
from storage_api.stores import FilesystemStore
from tests.support.waiting import wait_until

# --- probes -----------------------------------------------------------------------------------------


def test_readiness_follows_the_store(start, tmp_path):
    """Changes are noticed within a second. The response has a short reason, the log has the details."""
    service = start(STORE_PATH=tmp_path)
    assert service.request("GET", "/readyz").json == {"status": "ok"}
    # Moving the folder away works for root too, unlike removing permissions.
    (tmp_path / "incoming").rename(tmp_path / "moved")
    wait_until(lambda: service.request("GET", "/readyz").status == 503)
    unready = service.request("GET", "/readyz")
    assert unready.json == {"error": "service unavailable", "reason": "the store is unavailable"}
    assert service.request("GET", "/healthz").status == 200
    assert any(line["message"] == "not ready" and "incoming" in line["reason"] for line in service.log)
    (tmp_path / "moved").rename(tmp_path / "incoming")
    wait_until(lambda: service.request("GET", "/readyz").status == 200)


def test_not_ready_when_the_disk_is_full(start, tmp_path):
    free = shutil.disk_usage(tmp_path).free
    service = start(STORE_PATH=tmp_path, STORE_MIN_FREE_BYTES=free * 2)
    unready = service.request("GET", "/readyz")
    assert unready.status == 503
    assert unready.json == {"error": "service unavailable", "reason": "the disk is full"}
    # Existing objects are still served.
    assert service.request("GET", "/api/buckets/1").status == 404
    assert service.request("GET", "/healthz").status == 200


def test_the_health_check_calls_the_service(start, health_check, closed_port):
    service = start(STORE="memory")
    assert health_check(PORT=service.port) == (0, "")
    # If the service listens on all addresses, the health check uses loopback.
    for every in ("0.0.0.0", "::"):  # noqa: S104
        assert health_check(PORT=service.port, HOST=every) == (0, "")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert health_check(PORT=port) == (1, f"not healthy: 127.0.0.1 port {port}: timed out\n")
    refused = f"not healthy: 127.0.0.1 port {closed_port}: [Errno 111] Connection refused\n"
    assert health_check(PORT=closed_port) == (1, refused)
    status, said = health_check(PORT="x", THREADS="y")
    assert (status, said.count("not allowed")) == (1, 2)


# --- addresses --------------------------------------------------------------------------------------


@pytest.fixture
def ipv6(missing_part) -> None:
    """Skip a test if the kernel has no IPv6 with its loopback address."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        missing_part("IPv6 with the address ::1, to test both families")


@pytest.mark.usefixtures("ipv6")
def test_both_families_are_served_on_both_ports(start, health_check):
    """In an IPv6-only cluster the probes used to be refused. The log has client addresses as they are."""
    service = start(STORE="memory", HOST=Config.host, METRICS_PORT=0)
    for address in ("127.0.0.1", "::1"):
        for port, target in ((service.port, "/healthz"), (service.metrics_port, "/metrics")):
            with closing(http.client.HTTPConnection(address, port, timeout=10)) as connection:
                connection.request("GET", target)
                assert connection.getresponse().status == 200
    lines = wait_until(lambda: len(logged := requests_in(service.log)) == 4 and logged)
    assert sorted(line["client_address"] for line in lines) == ["127.0.0.1"] * 2 + ["::1"] * 2
    assert health_check(PORT=service.port, HOST=Config.host) == (0, "")


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("host", ["::1", "127.0.0.1"])
def test_only_the_given_address_is_served(start, health_check, host):
    """The process is asked: on the other address, another program may listen on the same port."""
    service = start(STORE="memory", HOST=host)
    assert health_check(PORT=service.port, HOST=host) == (0, "")
    connections = psutil.Process(service.process.pid).net_connections("inet")
    listening = [tuple(one.laddr) for one in connections if one.status == psutil.CONN_LISTEN]
    assert listening == [(host, service.port)]


def test_a_kernel_without_ipv6_gets_ipv4_only(monkeypatch):
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    (sock,) = listener.open_sockets(Config(port=0))
    with sock:
        assert (sock.family, sock.getsockname()[0]) == (socket.AF_INET, "0.0.0.0")  # noqa: S104


def requests_in(log: list[dict]) -> list[dict]:
    return [line for line in log if line["message"] == "request"]


# --- threads and ports --------------------------------------------------------------------------------


def test_the_number_of_threads_is_configurable(start):
    service = start(STORE="memory", THREADS=3)
    assert service.samples("http_server_threads") == {("http_server_threads", "", "", ""): 3}


def test_metrics_can_have_their_own_port(start):
    """That port serves nothing else, the API's port then has no metrics, and both count their requests."""
    service = start(STORE="memory", METRICS_PORT=0)
    assert service.metrics_port != service.port
    assert service.request("PUT", "/api/buckets/1", b"x").status == 200
    for path in ("/metrics", "/api/metrics"):
        assert service.request("GET", path).status == 404
        scraped = service.request("GET", path, port=service.metrics_port)
        assert scraped.status == 200
        assert scraped.headers["x-content-type-options"] == "nosniff"
    for path in ("/api/buckets/1", "/healthz", "/readyz", "/faults", "/"):
        refused = service.request("GET", path, port=service.metrics_port)
        assert (refused.status, refused.json["error"]) == (404, "not found")
    # A request is counted a moment after its response.
    wait_until(lambda: counted(service, "unmatched", "_OTHER", "404") >= 7)
    assert counted(service, "unmatched", "_OTHER", "404") == 7
    assert counted(service, "/api/metrics", "GET", "200") == 1


def counted(service, *labels: str) -> float:
    return service.samples("http_request_count_total").get(("http_request_count_total", *labels), 0)


def test_metrics_are_served_until_the_end_of_the_shutdown(start, half_sent):
    service = start(STORE="memory", METRICS_PORT=0)
    upload = half_sent(service)
    service.signal()
    wait_until(lambda: refused(service))
    assert service.request("GET", "/metrics", port=service.metrics_port).status == 200
    upload.sendall(b"56789")
    assert service.process.wait(10) == 0


# --- shutdown -------------------------------------------------------------------------------------

HALF = b"PUT /api/buckets/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234"


@pytest.fixture
def half_sent():
    """Return a function that begins an upload of b"0123456789"; the test sends the second half."""
    connections = []

    def begin(service):
        connections.append(service.connect())
        connections[-1].sendall(HALF)
        time.sleep(0.2)  # the server has read the first half
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


def test_sigterm_drains_requests_in_progress(start, half_sent, read_response, tmp_path):
    """Readiness fails, then new connections are refused, and the upload in progress completes."""
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
                assert body.read(len(data)) == data
                assert store.head(id).size == len(data)


def test_idle_connections_do_not_delay_the_shutdown(start):
    service = start(STORE="memory")
    with service.connect() as unused, service.connect() as used:
        used.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert used.recv(12) == b"HTTP/1.1 200"
        service.signal()
        assert service.process.wait(5) == 0
        assert unused.recv(1) == b""


def test_an_endless_request_is_cut_off_at_the_shutdown_timeout(start, half_sent):
    service = start(STORE="memory", SHUTDOWN_TIMEOUT_SECONDS=1)
    half_sent(service)
    service.signal()
    assert service.process.wait(10) == 1
    assert service.log[-1]["message"] == "1 request(s) cut off after SHUTDOWN_TIMEOUT_SECONDS"


def test_a_second_signal_ends_the_service_at_once(start, half_sent):
    service = start(STORE="memory", SHUTDOWN_TIMEOUT_SECONDS=3600)
    half_sent(service)
    service.signal()
    wait_until(lambda: refused(service))
    service.signal(signal.SIGINT)
    assert service.process.wait(5) == 128 + signal.SIGINT


SLOW_START = """
import sys, time
import storage_api.__main__ as service

def open_slowly(config):
    print("opening", flush=True)
    time.sleep(60)

service.open_store = open_slowly
sys.exit(service.main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_slow_start(service_environment, number):
    """The exit status is that of the signal, without a traceback, whatever is being opened."""
    command = [sys.executable, "-c", SLOW_START]
    with subprocess.Popen(
        command, env=service_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as starting:
        assert starting.stdout.readline() == b"opening\n"
        starting.send_signal(number)
        assert starting.wait(10) == 128 + number
        assert starting.stderr.read() == b""


def test_no_request_fails_during_the_shutdown_delay(start):
    """Clients with open connections get a response with `Connection: close`, never a reset."""
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
