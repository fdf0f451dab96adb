"""Drills: what can be made to go wrong, what it looks like, what it never touches, and how it ends."""

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
    """A service without a fault before, and after, the test."""
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
    """How often each operation of the store ended in which way."""
    text = service.request("GET", "/metrics").body.decode()
    lines = [line for line in text.splitlines() if line.startswith("storage_operations_total{")]
    return {line.partition("{")[2].partition("}")[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


def active(service) -> set[str]:
    """The faults that the metrics show."""
    lines = service.request("GET", "/metrics").body.decode().splitlines()
    return {
        line.split('"')[1]
        for line in lines
        if line.startswith("storage_fault_active{") and line.endswith(" 1.0")
    }


def answers_at_once(service) -> None:
    """What watches and controls the service is not touched."""
    for path in ("/healthz", "/readyz", "/metrics", "/api/metrics", "/faults"):
        started = time.monotonic()
        assert service.request("GET", path).status == 200, path
        assert time.monotonic() - started < 5, path


def statuses(service, *requests: tuple[str, str]) -> list[int]:
    """Send requests one after the other on one connection; their statuses."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    found = []
    for method, path in requests:
        connection.request(method, path, b"x" if method == "PUT" else None)
        with connection.getresponse() as response:
            response.read()
            found.append(response.status)
    connection.close()
    return found


# --- the control ----------------------------------------------------------------------------------------


def test_there_is_no_control_unless_enabled(start):
    service = start(STORE="memory")
    for method in ("GET", "PUT", "DELETE"):
        assert service.request(method, "/faults", b"{}").status == 404
    assert "storage_fault_active" not in service.request("GET", "/metrics").body.decode()


def test_nothing_is_wrong_at_first(service):
    assert service.request("GET", "/faults").json == NOTHING
    assert active(service) == set()


def test_what_is_set_is_shown_and_replaces_what_was(service):
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
    # What was set goes on.
    assert service.request("GET", "/faults").json["latency_seconds"] == 0.001


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"error_ratio": NaN}', b"\xff", b'{"a":' * 1000, b'{"error_ratio":0}' + b" " * 5000]
)
def test_what_is_no_json_is_refused(service, body):
    refused = service.request("PUT", "/faults", body)
    assert (refused.status, refused.json["field"]) == (400, "body")
    assert refused.json["reason"] == "body: must be a JSON object of at most 4096 bytes"


def test_the_documented_drills_can_be_run():
    documented = re.findall(r"`(\{.+?\})`|-d '(\{.+?\})'", (ROOT / "docs/drills.md").read_text())
    assert len(documented) >= 7
    for drill in documented:
        assert read(json.loads("".join(drill)), threads=8) != Fault()


def test_what_can_be_asked_for_counts_on_every_route():
    """So that no drill makes a series that was not there before."""
    for methods in TIMED.values():
        for method in methods.keys() & {"GET", "HEAD", "PUT", "DELETE"}:
            assert set(ERROR_STATUSES) <= set(methods[method])


@pytest.mark.parametrize("ratio", [0.001, 0.05, 0.25, 1 / 3, 0.5, 0.999])
def test_the_share_stays_exact(ratio):
    """For as long as the documentation says."""
    drill = Drill(Fault(error_ratio=ratio))
    struck = 0
    for number in range(1, 300_001):
        struck += drill.strikes()
        assert abs(struck - ratio * number) <= 4


# --- errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "status"), [(0.01, 400), (0.3, 500), (0.5, 503), (1, 503)])
def test_the_share_of_errors_is_exact(service, ratio, status):
    """Of all requests and, as clients have rhythms of their own, of those of each method."""
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


def test_an_error_says_what_it_is(service):
    begin(service, error_ratio=1, error_status=500)
    failed = service.request("GET", "/api/buckets/1")
    assert (failed.status, failed.json) == (500, {"error": "internal server error", "reason": REASON})


def test_an_error_counts_as_one_of_its_route(service):
    def count() -> float:
        counts = service.samples("http_request_count_total")
        return counts["http_request_count_total", "/api/buckets/<id>", "DELETE", "503"]

    before = count()
    begin(service, error_ratio=1)
    assert statuses(service, *[("DELETE", "/api/buckets/1")] * 5) == [503] * 5
    wait_until(lambda: count() == before + 5)
    # What is no request of the API's is left alone: it would count where nobody expects it.
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


def test_probes_answer_while_all_threads_wait(service):
    """With as many slow requests as there are threads, and more; all of them end with the drill."""
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


def test_a_store_that_refuses(service):
    """The answers and the metrics are those of a store that is out of order."""
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


def test_a_store_without_room(service):
    """What is there can be read and deleted, nothing can be put."""
    service.request("PUT", "/api/buckets/kept", b"kept")
    before = operations(service)
    begin(service, store="full")
    # A large body is refused while it is received, before the store is asked to put it.
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


def test_threads_are_taken_from_the_real_pool(service):
    begin(service, threads=THREADS - 1)
    wait_until(lambda: metric(service, "http_server_busy_threads") == THREADS - 1)
    # One is left, and takes one request after the other.
    with ThreadPoolExecutor(5) as clients:
        served = [clients.submit(service.request, "PUT", f"/api/buckets/{n}", b"x") for n in range(20)]
        assert {answer.result(20).status for answer in served} == {200}
    answers_at_once(service)
    # A new drill gives back what the last one took.
    begin(service, threads=1)
    wait_until(lambda: metric(service, "http_server_busy_threads") == 1)
    service.request("DELETE", "/faults")
    wait_until(lambda: metric(service, "http_server_busy_threads") == 0)


# --- the end --------------------------------------------------------------------------------------------


def test_a_drill_ends_by_itself(service):
    """With all that it held up: a request that waits, and the threads."""
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


def test_a_drill_does_not_outlast_the_service(start):
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
