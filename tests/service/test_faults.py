"""Fault drills: each fault and its symptoms, the paths that faults never touch, and the end of a drill."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import ROOT
from storage_api.faults import ERROR_STATUSES, Fault, read
from storage_api.faults.drills import Drill
from storage_api.telemetry.metrics.labels import TIMED
from tests.support.waiting import wait_until

NOTHING = {
    "error_ratio": 0,
    "error_status": 503,
    "latency_seconds": 0,
    "store": None,
    "threads": 0,
    "for_seconds": None,
    "remaining_seconds": None,
}
REASON = "fault injected at /faults"
THREADS = 3


@pytest.fixture(scope="module")
def running(start):
    return start(FAULTS_ENABLED="true", THREADS=THREADS)


@pytest.fixture
def service(running):
    """A service without faults before and after the test."""
    running.request("DELETE", "/faults")
    yield running
    running.request("DELETE", "/faults")


def begin(service, **fault: object) -> dict:
    answer = service.request("PUT", "/faults", json.dumps(fault).encode())
    assert answer.status == 200, answer
    return answer.json


def metric(service, name: str) -> float:
    return sum(service.samples(name).values())


def operations(service) -> dict[str, float]:
    """Return the number of store operations, by operation and outcome."""
    text = service.request("GET", "/metrics").body.decode()
    lines = [line for line in text.splitlines() if line.startswith("storage_operations_total{")]
    return {line.partition("{")[2].partition("}")[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


def active(service) -> set[str]:
    """Return the names of the active faults, by the metrics."""
    lines = service.request("GET", "/metrics").body.decode().splitlines()
    return {
        line.split('"')[1]
        for line in lines
        if line.startswith("storage_fault_active{") and line.endswith(" 1.0")
    }


def answers_at_once(service) -> None:
    """Check that probes, metrics and the control of drills respond at once."""
    for path in ("/healthz", "/readyz", "/metrics", "/api/metrics", "/faults"):
        started = time.monotonic()
        assert service.request("GET", path).status == 200, path
        assert time.monotonic() - started < 5, path


def statuses(service, *requests: tuple[str, str]) -> list[int]:
    """Send requests one after the other on one connection; return their statuses."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    found = []
    for method, path in requests:
        connection.request(method, path, b"x" if method == "PUT" else None)
        with connection.getresponse() as response:
            response.read()
            found.append(response.status)
    connection.close()
    return found


# --- starting drills-------------------------------------------------------------------------------------


def test_drills_are_disabled_by_default(start):
    service = start(STORE="memory")
    for method in ("GET", "PUT", "DELETE"):
        assert service.request(method, "/faults", b"{}").status == 404
    assert "storage_fault_active" not in service.request("GET", "/metrics").body.decode()


def test_no_fault_is_active_at_start(service):
    assert service.request("GET", "/faults").json == NOTHING
    assert active(service) == set()


def test_a_new_fault_is_shown_and_replaces_the_previous_one(service):
    first = begin(service, error_ratio=0.5, error_status=500, latency_seconds=0.01, store="full", threads=2)
    assert first == NOTHING | {
        "error_ratio": 0.5, "error_status": 500, "latency_seconds": 0.01, "store": "full", "threads": 2
    }  # fmt: skip
    assert service.request("GET", "/faults").json == first
    assert active(service) == {"error", "latency", "store_full", "threads"}
    assert begin(service, store="refuse") == NOTHING | {"store": "refuse"}
    assert active(service) == {"store_refuse"}
    assert begin(service) == NOTHING
    assert service.request("DELETE", "/faults").json == NOTHING


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        ({"error_ratio": 1.01}, {"error_ratio": "must be a number from 0 to 1"}),
        ({"error_ratio": -0.1}, {"error_ratio": "must be a number from 0 to 1"}),
        ({"error_ratio": "0.5"}, {"error_ratio": "must be a number from 0 to 1"}),
        ({"error_ratio": True}, {"error_ratio": "must be a number from 0 to 1"}),
        ({"error_ratio": None}, {"error_ratio": "must be a number from 0 to 1"}),
        ({"error_status": 200}, {"error_status": "must be one of 400, 500, 503"}),
        ({"error_status": 503.0}, {"error_status": "must be one of 400, 500, 503"}),
        ({"latency_seconds": 61}, {"latency_seconds": "must be a number from 0 to 60"}),
        ({"store": "broken"}, {"store": "must be one of refuse, full, or null"}),
        ({"store": ["full"]}, {"store": "must be one of refuse, full, or null"}),
        ({"threads": 3}, {"threads": "must be a whole number from 0 to 2 (THREADS - 1)"}),
        ({"threads": 1.0}, {"threads": "must be a whole number from 0 to 2 (THREADS - 1)"}),
        ({"threads": True}, {"threads": "must be a whole number from 0 to 2 (THREADS - 1)"}),
        ({"for_seconds": 0}, {"for_seconds": "must be a number above 0, up to 86400, or null"}),
        ({"for_seconds": 86401}, {"for_seconds": "must be a number above 0, up to 86400, or null"}),
        (
            {"ratio": 1},
            {
                "ratio": "unknown field: use error_ratio, error_status, latency_seconds, store, "
                "for_seconds, threads"
            },
        ),
        (
            {"threads": -1, "error_ratio": 2},
            {
                "error_ratio": "must be a number from 0 to 1",
                "threads": "must be a whole number from 0 to 2 (THREADS - 1)",
            },
        ),
        ([], {"body": "must be a JSON object"}),
        (1, {"body": "must be a JSON object"}),
    ],
    ids=json.dumps,
)
def test_a_bad_fault_is_refused_with_a_reason_for_each_field(service, fault, reasons):
    begin(service, latency_seconds=0.001)
    refused = service.request("PUT", "/faults", json.dumps(fault).encode())
    assert refused.status == 400
    assert refused.json == {
        "error": "bad request",
        "field": next(iter(reasons)),
        "fields": reasons,
        "reason": "; ".join(f"{field}: {reason}" for field, reason in reasons.items()),
    }
    # The previous fault stays active.
    assert service.request("GET", "/faults").json["latency_seconds"] == 0.001


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"error_ratio": NaN}', b"\xff", b'{"a":' * 1000, b'{"error_ratio":0}' + b" " * 5000]
)
def test_a_body_that_is_not_json_is_refused(service, body):
    refused = service.request("PUT", "/faults", body)
    assert (refused.status, refused.json["field"]) == (400, "body")
    assert refused.json["reason"] == "body: must be a JSON object of at most 4096 bytes"


def test_documented_drills_are_accepted():
    documented = re.findall(r"`(\{.+?\})`|-d '(\{.+?\})'", (ROOT / "docs/drills.md").read_text())
    assert len(documented) >= 7
    for drill in documented:
        assert read(json.loads("".join(drill)), threads=8) != Fault()


def test_every_route_counts_the_statuses_of_drills():
    """A drill must not create new time series."""
    for methods in TIMED.values():
        for method in methods.keys() & {"GET", "HEAD", "PUT", "DELETE"}:
            assert set(ERROR_STATUSES) <= set(methods[method])


@pytest.mark.parametrize("ratio", [0.001, 0.05, 0.25, 1 / 3, 0.5, 0.999])
def test_the_error_ratio_stays_exact(ratio):
    """It stays exact for as many requests as the documentation promises."""
    drill = Drill(Fault(error_ratio=ratio))
    struck = 0
    for number in range(1, 300_001):
        struck += drill.strikes()
        assert abs(struck - ratio * number) <= 4


# --- errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "status"), [(0.01, 400), (0.3, 500), (0.5, 503), (1, 503)])
def test_the_error_ratio_is_exact_for_each_method(service, ratio, status):
    """Exact for all requests and for each method, even if clients send methods in a fixed pattern."""
    service.request("PUT", "/api/buckets/1", b"x")
    cycle = [
        ("PUT", "/api/buckets/1"),
        ("GET", "/api/buckets/1"),
        ("GET", "/api/buckets"),
        ("HEAD", "/api/buckets/1"),
    ]
    rounds = 300
    begin(service, error_ratio=ratio, error_status=status)
    found = statuses(service, *cycle * rounds)
    assert set(found) <= {200, status}
    assert abs(found.count(status) - ratio * len(found)) <= 2
    for kind in range(len(cycle)):
        assert abs(found[kind :: len(cycle)].count(status) - ratio * rounds) <= 3


def test_an_injected_error_is_recognizable(service):
    begin(service, error_ratio=1, error_status=500)
    failed = service.request("GET", "/api/buckets/1")
    assert (failed.status, failed.json) == (500, {"error": "internal server error", "reason": REASON})


def test_an_injected_error_counts_for_its_route(service):
    def count() -> float:
        counts = service.samples("http_request_count_total")
        return counts["http_request_count_total", "/api/buckets/<id>", "DELETE", "503"]

    before = count()
    begin(service, error_ratio=1)
    assert statuses(service, *[("DELETE", "/api/buckets/1")] * 5) == [503] * 5
    wait_until(lambda: count() == before + 5)
    # Requests outside the API get no errors: nobody would look for them there.
    assert statuses(service, ("OPTIONS", "/api/buckets/1"), ("GET", "/none"), ("POST", "/api/buckets/1")) == [
        200,
        404,
        405,
    ]
    answers_at_once(service)


# --- latency --------------------------------------------------------------------------------------------


def test_latency_is_added_and_measured(service):
    def slow() -> float:
        samples = service.samples("http_request_duration_seconds_sum")
        return samples["http_request_duration_seconds_sum", "/api/buckets/<id>", "GET", "404"]

    before = slow()
    begin(service, latency_seconds=0.3)
    started = time.monotonic()
    assert service.request("GET", "/api/buckets/none").status == 404
    assert 0.3 <= time.monotonic() - started < 5
    wait_until(lambda: slow() >= before + 0.3)
    answers_at_once(service)


def test_probes_respond_while_all_threads_wait(service):
    """More slow requests than threads are waiting; all of them finish when the drill ends."""
    begin(service, latency_seconds=60)
    with ThreadPoolExecutor(THREADS + 2) as clients:
        waiting = [clients.submit(service.request, "GET", "/api/buckets/none") for _ in range(THREADS + 2)]
        wait_until(lambda: metric(service, "http_server_queued_requests") == 2)
        assert metric(service, "http_server_busy_threads") == THREADS
        answers_at_once(service)
        started = time.monotonic()
        service.request("DELETE", "/faults")
        assert [answer.result(20).status for answer in waiting] == [404] * (THREADS + 2)
        assert time.monotonic() - started < 10
    assert metric(service, "http_server_queued_requests") == 0


# --- the store ------------------------------------------------------------------------------------------


def test_a_refusing_store_looks_like_an_unavailable_one(service):
    """Responses and metrics are those of an unavailable store."""
    service.request("PUT", "/api/buckets/kept", b"kept")
    before = operations(service)
    begin(service, store="refuse")
    for method, path in (
        ("PUT", "/api/buckets/1"),
        ("GET", "/api/buckets/kept"),
        ("DELETE", "/api/buckets/kept"),
        ("GET", "/api/buckets"),
    ):
        failed = service.request(method, path, b"x" if method == "PUT" else None)
        assert failed.status == 503
        assert failed.json == {"error": "service unavailable", "reason": "the store is unavailable"}
    assert service.request("HEAD", "/api/buckets/kept").status == 503
    answers_at_once(service)
    service.request("DELETE", "/faults")
    after = operations(service)
    for operation in ("put", "get", "delete", "list", "head"):
        key = f'operation="{operation}",outcome="error"'
        assert after[key] == before[key] + 1
    assert service.request("GET", "/api/buckets/kept").body == b"kept"
    assert any(
        line["message"] == "the store failed a request" and REASON in line["reason"] for line in service.log
    )


def test_a_full_store_refuses_only_new_objects(service):
    """Objects can be read and deleted, but not put."""
    service.request("PUT", "/api/buckets/kept", b"kept")
    before = operations(service)
    begin(service, store="full")
    # A large body is refused while it is received, before the store's put is called.
    for body in (b"x", b"x" * 2_000_000):
        full = service.request("PUT", "/api/buckets/kept", body)
        assert full.status == 507
        assert full.json == {"error": "insufficient storage", "reason": "the store is full"}
    assert service.request("GET", "/api/buckets/kept").body == b"kept"
    assert service.request("DELETE", "/api/buckets/kept").status == 200
    answers_at_once(service)
    key = 'operation="put",outcome="full"'
    assert operations(service)[key] == before[key] + 1


# --- threads --------------------------------------------------------------------------------------------


def test_a_drill_occupies_threads_of_the_real_pool(service):
    begin(service, threads=THREADS - 1)
    wait_until(lambda: metric(service, "http_server_busy_threads") == THREADS - 1)
    # The only free thread takes one request after the other.
    with ThreadPoolExecutor(5) as clients:
        served = [clients.submit(service.request, "PUT", f"/api/buckets/{n}", b"x") for n in range(20)]
        assert {answer.result(20).status for answer in served} == {200}
    answers_at_once(service)
    # A new drill releases the threads of the previous one.
    begin(service, threads=1)
    wait_until(lambda: metric(service, "http_server_busy_threads") == 1)
    service.request("DELETE", "/faults")
    wait_until(lambda: metric(service, "http_server_busy_threads") == 0)


# --- the end --------------------------------------------------------------------------------------------


def test_a_drill_ends_after_its_duration(service):
    """Its end releases waiting requests and threads."""
    begin(service, latency_seconds=60, threads=1, error_ratio=1, store="refuse", for_seconds=1.5)
    shown = service.request("GET", "/faults").json
    assert shown["for_seconds"] == 1.5
    assert 0 < shown["remaining_seconds"] <= 1.5
    started = time.monotonic()
    assert service.request("GET", "/api/buckets/none").status == 404
    assert 0.5 < time.monotonic() - started < 10
    assert service.request("GET", "/faults").json == NOTHING | {"remaining_seconds": 0}
    assert active(service) == set()
    wait_until(lambda: metric(service, "http_server_busy_threads") == 0)


def test_a_drill_does_not_delay_the_shutdown(start):
    service = start(STORE="memory", FAULTS_ENABLED="true", THREADS=2, SHUTDOWN_DELAY_SECONDS=1)
    begin(service, latency_seconds=60, threads=1)
    answers: list[int] = []
    client = threading.Thread(
        target=lambda: answers.append(service.request("GET", "/api/buckets/none").status)
    )
    client.start()
    wait_until(lambda: metric(service, "http_server_busy_threads") == 2)
    started = time.monotonic()
    service.signal()
    wait_until(lambda: service.request("GET", "/readyz").status == 503)
    refused = service.request("PUT", "/faults", b'{"latency_seconds": 60}')
    assert (refused.status, refused.json["reason"]) == (503, "shutting down")
    assert service.process.wait(20) == 0
    client.join(10)
    assert answers == [404]
    assert time.monotonic() - started < 15
