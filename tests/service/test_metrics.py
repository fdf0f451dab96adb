"""The metrics: every response is counted exactly once, with its labels, duration and sizes."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from lab import toolchain
from storage_api.routes import LISTING, OBJECT
from storage_api.telemetry.metrics.http import DURATION_BOUNDS
from storage_api.telemetry.metrics.labels import OTHER, TIMED, UNTIMED, label_sets
from storage_api.telemetry.metrics.storage import OUTCOMES
from tests.support.waiting import wait_until

UNMATCHED = "unmatched"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# Accept header of Prometheus 3.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
COUNT = "http_request_count_total"
DURATION = "http_request_duration_seconds"
SEMANTIC_DURATION = "http_server_request_duration_seconds"
SCRAPE = ("/metrics", "GET", "200")
MEBIBYTE = 1024 * 1024


class Scrape(dict):
    """The samples of a scrape: {(name, labels): value}."""

    def __call__(self, name: str, **labels: str) -> float:
        """The value of one series; raises KeyError if it does not exist."""
        return self[name, frozenset(labels.items())]

    def counted(self, name: str = COUNT) -> Counter:
        """{(path, method, status): value} of the metric `name`, without scrapes of /metrics."""
        found = {
            tuple(dict(labels)[label] for label in ("path", "method", "status")): value
            for (of, labels), value in self.items()
            if of == name
        }
        found.pop(SCRAPE, None)
        return Counter(found)


def scrape(service) -> Scrape:
    families = parse_text(service.request("GET", "/metrics").body.decode())
    samples = (sample for family in families for sample in family.samples)
    return Scrape({(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples})


def once(service, condition: Callable[[Scrape], object]) -> Scrape:
    """Return the first scrape that meets `condition`: requests are counted a moment after their response."""

    def met() -> Scrape | None:
        found = scrape(service)
        return found if condition(found) else None

    return wait_until(met, 20)


def assert_counted(service, before: Scrape, *expected: tuple[str, str, str]) -> Scrape:
    """Check that exactly `expected` has been counted since `before`, and that its timed routes were timed."""
    after = once(service, lambda found: (found.counted() - before.counted()).total() >= len(expected))
    assert after.counted() - before.counted() == Counter(expected)
    timed = f"{DURATION}_count"
    assert after.counted(timed) - before.counted(timed) == Counter(e for e in expected if e[0] in TIMED)
    return after


# --- labels of responses --------------------------------------------------------------------------

CASES = [
    # method, target, status, path label, method label
    ("PUT", "/api/buckets/1", 200, OBJECT.path, "PUT"),
    ("PUT", "/api/buckets/1", 200, OBJECT.path, "PUT"),
    ("GET", "/api/buckets/1", 200, OBJECT.path, "GET"),
    ("HEAD", "/api/buckets/1", 200, OBJECT.path, "HEAD"),
    ("DELETE", "/api/buckets/1", 200, OBJECT.path, "DELETE"),
    ("DELETE", "/api/buckets/1", 400, OBJECT.path, "DELETE"),
    ("GET", "/api/buckets/1", 404, OBJECT.path, "GET"),
    ("HEAD", "/api/buckets/1", 404, OBJECT.path, "HEAD"),
    ("GET", "/api/buckets/%ff", 400, OBJECT.path, "GET"),
    ("PUT", "/api/buckets/a/b", 400, OBJECT.path, "PUT"),
    ("DELETE", "/api/buckets/", 400, OBJECT.path, "DELETE"),
    ("OPTIONS", "/api/buckets/1", 200, OBJECT.path, "OPTIONS"),
    ("POST", "/api/buckets/1", 405, OBJECT.path, "_OTHER"),
    ("PATCH", "/api/buckets/1", 405, OBJECT.path, "_OTHER"),
    ("TRACE", "/api/buckets/1", 405, OBJECT.path, "_OTHER"),
    ("BREW", "/api/buckets/1", 405, OBJECT.path, "_OTHER"),
    ("GET", "/api/buckets", 200, LISTING.path, "GET"),
    ("GET", "/api/buckets?limit=0", 400, LISTING.path, "GET"),
    ("DELETE", "/api/buckets", 405, LISTING.path, "_OTHER"),
    ("GET", "/api/metrics", 200, "/api/metrics", "GET"),
    ("PUT", "/api/metrics", 405, "/api/metrics", "_OTHER"),
    ("HEAD", "/metrics", 200, "/metrics", "HEAD"),
    ("GET", "/healthz", 200, "/healthz", "GET"),
    ("OPTIONS", "/healthz", 200, "/healthz", "OPTIONS"),
    ("DELETE", "/healthz", 405, "/healthz", "_OTHER"),
    ("GET", "/readyz", 200, "/readyz", "GET"),
    ("GET", "/", 404, UNMATCHED, "_OTHER"),
    ("OPTIONS", "/nothing", 404, UNMATCHED, "_OTHER"),
    ("BREW", "/nothing", 404, UNMATCHED, "_OTHER"),
    ("GET", "/%ff", 404, UNMATCHED, "_OTHER"),
    ("GET", "/healthz/", 404, UNMATCHED, "_OTHER"),
    ("GET", "/faults", 404, UNMATCHED, "_OTHER"),
    ("CONNECT", "example.org:443", 400, UNMATCHED, "_OTHER"),
    ("GET", "api/buckets/1", 400, UNMATCHED, "_OTHER"),
    ("GET", "/api/buckets/1#2", 400, UNMATCHED, "_OTHER"),
    ("GET", "ftp://y/healthz", 400, UNMATCHED, "_OTHER"),
    ("GET", "/api%2Fbuckets/1", 404, UNMATCHED, "_OTHER"),
    ("GET", "/api/buckets/a%2Fb", 400, OBJECT.path, "GET"),
]


@pytest.mark.parametrize(("method", "target", "status", "path", "label"), CASES)
def test_a_response_is_counted_once(service, method, target, status, path, label):  # noqa: PLR0917
    before = scrape(service)
    assert service.request(method, target, b"x" if method == "PUT" else None).status == status
    assert_counted(service, before, (path, label, str(status)))


PUT = b"PUT /api/buckets/1 HTTP/1.1\r\nHost: x\r\n"
REFUSALS = [
    (PUT + b"Content-Length: 1048577\r\n\r\n" + b"x" * 1048577, 413, OBJECT.path, "PUT"),
    (PUT + b"Content-Length: 99999999999\r\n\r\n", 413, OBJECT.path, "PUT"),
    (PUT + b"Content-Length: x\r\n\r\n", 400, UNMATCHED, "_OTHER"),
    (PUT + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, UNMATCHED, "_OTHER"),
    (PUT + b"Transfer-Encoding: gzip\r\n\r\n", 501, UNMATCHED, "_OTHER"),
    (b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413, UNMATCHED, "_OTHER"),
    (b"nonsense\r\n\r\n", 400, UNMATCHED, "_OTHER"),
    (b"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400, UNMATCHED, "_OTHER"),
    (b"GET /healthz HTTP/1.1\r\n\r\n", 400, UNMATCHED, "_OTHER"),
    (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", 431, UNMATCHED, "_OTHER"),
]


@pytest.mark.parametrize(("data", "status", "path", "label"), REFUSALS)
def test_a_request_refused_before_routing_is_counted_once(service, data, status, path, label):
    before = scrape(service)
    assert service.raw(data).status == status
    assert_counted(service, before, (path, label, str(status)))


def test_an_exception_is_counted_once_as_503_and_logged_once(start, tmp_path):
    folder = tmp_path / "data"
    service = start(STORE_PATH=folder)
    shutil.rmtree(folder)
    before = scrape(service)
    assert service.request("PUT", "/api/buckets/a%20b", b"x").status == 503
    assert_counted(service, before, (OBJECT.path, "PUT", "503"))
    assert [line["message"] for line in service.log if line["level"] == "error"] == [
        "the store failed a request"
    ]


def test_no_request_is_lost_or_counted_twice_under_load(service):
    choices = random.Random(7)  # noqa: S311 - a fixed order, no secret
    requests = [choices.choice(CASES[:-1]) for _ in range(1200)]
    refusals = [choices.choice(REFUSALS[1:-1]) for _ in range(60)]

    def send(case) -> tuple[str, str, str]:
        if len(case) == len(REFUSALS[0]):
            data, _, path, label = case
            return path, label, str(service.raw(data).status)
        method, target, _, path, label = case
        return path, label, str(service.request(method, target, b"x" if method == "PUT" else None).status)

    before = scrape(service)
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(send, requests + refusals))
    assert len(set(sent)) > 20
    assert_counted(service, before, *sent)


# --- every status that the API knows --------------------------------------------------------------

TOKEN = {"Authorization": "Bearer a-token"}
ANY = {"If-None-Match": "*"}
"""A condition that the stored object does not meet."""
LARGE = b"x" * (600 * 1024)
"""More than the server receives in memory."""
WATCHING = ("/healthz", "/readyz", "/metrics", "/api/metrics", "/openapi.json", "/faults")

# Requests to a healthy service that has the object `x`: method, target, body, headers, expected labels.
KNOWN = [
    ("PUT", "/api/buckets/x", b"12345", {}, (OBJECT.path, "PUT", "200")),
    ("PUT", "/api/buckets/%00", b"", {}, (OBJECT.path, "PUT", "400")),
    ("PUT", "/api/buckets/x", b"", ANY, (OBJECT.path, "PUT", "412")),
    ("PUT", "/api/buckets/x", b"x" * (MEBIBYTE + 1), {}, (OBJECT.path, "PUT", "413")),
    ("GET", "/api/buckets/x", None, {}, (OBJECT.path, "GET", "200")),
    ("GET", "/api/buckets/x", None, {"Range": "bytes=1-2"}, (OBJECT.path, "GET", "206")),
    ("GET", "/api/buckets/x", None, ANY, (OBJECT.path, "GET", "304")),
    ("GET", "/api/buckets/%00", None, {}, (OBJECT.path, "GET", "400")),
    ("GET", "/api/buckets/none", None, {}, (OBJECT.path, "GET", "404")),
    ("GET", "/api/buckets/x", None, {"If-Match": '"other"'}, (OBJECT.path, "GET", "412")),
    ("GET", "/api/buckets/x", None, {"Range": "bytes=9-"}, (OBJECT.path, "GET", "416")),
    ("HEAD", "/api/buckets/x", None, {}, (OBJECT.path, "HEAD", "200")),
    ("HEAD", "/api/buckets/x", None, ANY, (OBJECT.path, "HEAD", "304")),
    ("HEAD", "/api/buckets/%00", None, {}, (OBJECT.path, "HEAD", "400")),
    ("HEAD", "/api/buckets/none", None, {}, (OBJECT.path, "HEAD", "404")),
    ("HEAD", "/api/buckets/x", None, {"If-Match": '"other"'}, (OBJECT.path, "HEAD", "412")),
    ("DELETE", "/api/buckets/x", None, {"If-Match": '"other"'}, (OBJECT.path, "DELETE", "412")),
    ("DELETE", "/api/buckets/none", None, {}, (OBJECT.path, "DELETE", "400")),
    ("OPTIONS", "/api/buckets/x", None, {}, (OBJECT.path, "OPTIONS", "200")),
    ("POST", "/api/buckets/x", b"", {}, (OBJECT.path, "_OTHER", "405")),
    ("GET", "/api/buckets", None, {}, (LISTING.path, "GET", "200")),
    ("GET", "/api/buckets?limit=x", None, {}, (LISTING.path, "GET", "400")),
    ("HEAD", "/api/buckets", None, {}, (LISTING.path, "HEAD", "200")),
    ("HEAD", "/api/buckets?limit=x", None, {}, (LISTING.path, "HEAD", "400")),
    ("OPTIONS", "/api/buckets", None, {}, (LISTING.path, "OPTIONS", "200")),
    ("PUT", "/api/buckets", b"", {}, (LISTING.path, "_OTHER", "405")),
    *((m, path, None, {}, (path, m, "200")) for path in WATCHING for m in ("GET", "HEAD", "OPTIONS")),
    *((m, f"{path}?x=1", None, {}, (path, m, "400")) for path in WATCHING for m in ("GET", "HEAD")),
    ("DELETE", "/faults?x=1", None, {}, ("/faults", "DELETE", "400")),
    *(("POST", path, b"", {}, (path, "_OTHER", "405")) for path in WATCHING),
    ("PUT", "/faults", b'{"error_ratio": 2}', {}, ("/faults", "PUT", "400")),
    ("GET", "/", None, {}, (UNMATCHED, "_OTHER", "404")),
    ("GET", "/", None, {"Authorization": "Bearer another"}, (UNMATCHED, "_OTHER", "401")),
    ("POST", "/", b"x" * (MEBIBYTE + 1), {}, (UNMATCHED, "_OTHER", "413")),
    ("POST", "/", b"", {"Transfer-Encoding": "gzip"}, (UNMATCHED, "_OTHER", "501")),
    ("GET", "/", None, {"X": "x" * 300_000}, (UNMATCHED, "_OTHER", "431")),
    ("DELETE", "/api/buckets/x", None, {}, (OBJECT.path, "DELETE", "200")),
]
FAILING = [
    *(("/api/buckets/x", method, OBJECT.path) for method in ("GET", "HEAD", "PUT", "DELETE")),
    *(("/api/buckets", method, LISTING.path) for method in ("GET", "HEAD")),
]


def test_every_status_of_the_api_occurs_and_is_counted(start, tmp_path):
    """A request produces each label set of the table, and its response has that status."""
    (tmp_path / "tokens").write_text("a-token\n")
    service = start(
        STORE_PATH=tmp_path / "data",
        MAX_OBJECT_BYTES=MEBIBYTE,
        AUTH_TOKENS_FILE=tmp_path / "tokens",
        FAULTS_ENABLED="true",
        SHUTDOWN_DELAY_SECONDS=60,
    )
    sent: Counter[tuple[str, str, str]] = Counter()

    def send(method, target, body, headers, labels) -> None:
        assert str(service.request(method, target, body, **(TOKEN | headers)).status) == labels[2], labels
        sent[labels] += 1

    def fault(**fields: object) -> None:
        send("PUT", "/faults", json.dumps(fields).encode(), {}, ("/faults", "PUT", "200"))

    for case in KNOWN:
        send(*case)
    assert service.raw(b"nonsense\r\n\r\n").status == 400
    sent[UNMATCHED, "_OTHER", "400"] += 1
    for status in (500, 503):
        fault(error_ratio=1, error_status=status)
        for target, method, path in FAILING:
            send(method, target, b"" if method == "PUT" else None, {}, (path, method, str(status)))
    fault(store="full")
    send("PUT", "/api/buckets/x", b"12345", {}, (OBJECT.path, "PUT", "507"))
    send("PUT", "/nothing", LARGE, {}, (UNMATCHED, "_OTHER", "507"))
    send("DELETE", "/faults", None, {}, ("/faults", "DELETE", "200"))
    (tmp_path / "data/incoming").rename(tmp_path / "gone")
    send("PUT", "/nothing", LARGE, {}, (UNMATCHED, "_OTHER", "503"))
    time.sleep(1.1)  # The store's last state is cached for this long.
    send("GET", "/readyz", None, {}, ("/readyz", "GET", "503"))
    send("HEAD", "/readyz", None, {}, ("/readyz", "HEAD", "503"))
    service.signal()
    once(service, lambda _: service.request("GET", "/readyz").json["reason"] == "shutting down")
    send("PUT", "/faults", b"{}", {}, ("/faults", "PUT", "503"))

    # The server's own 500 and responses that are cut off (test_cut_off) have separate tests; the rest of the
    # table is what has been sent.
    expected = {*label_sets(TIMED), *label_sets(UNTIMED), OTHER}
    elsewhere = {(UNMATCHED, "_OTHER", "500"), (UNMATCHED, "_OTHER", "499"), (OBJECT.path, "GET", "499")}
    assert sent.keys() ^ expected == {OTHER, *elsewhere}
    found = once(service, lambda found: found.counted()[UNMATCHED, "_OTHER", "503"]).counted()
    del sent[SCRAPE]
    waited = ("/readyz", "GET", "503")  # The number of readiness requests above depends on timing.
    assert found.pop(waited) >= sent.pop(waited)
    assert +found == sent
    for name in (f"{DURATION}_count", f"{SEMANTIC_DURATION}_count"):
        assert sum(value for (of, _), value in scrape(service).items() if of == name) == sum(
            number for labels, number in sent.items() if labels[0] in TIMED
        )


# --- durations and sizes --------------------------------------------------------------------------


def test_both_duration_histograms_agree(service):
    """They agree bucket by bucket, under their own names."""
    for method, target, *_ in CASES:
        service.request(method, target, b"x" if method == "PUT" else None)
    found = scrape(service)
    for path, method, status in label_sets(TIMED):
        ours = {"path": path, "method": method, "status": status}
        semantic = {
            "http_request_method": method,
            "http_response_status_code": status,
            "http_route": path,
            "url_scheme": "http",
        } | ({"error_type": status} if status in ("500", "503", "507") else {})
        bounds = [{"le": str(float(bound)).replace("inf", "+Inf")} for bound in (*DURATION_BOUNDS, "inf")]
        for suffix, extra in [("sum", {}), ("count", {}), *(("bucket", bound) for bound in bounds)]:
            assert found(f"{DURATION}_{suffix}", **ours, **extra) == found(
                f"{SEMANTIC_DURATION}_{suffix}", **semantic, **extra
            )
        assert found(f"{DURATION}_count", **ours) == found(COUNT, **ours)
    assert found(f"{DURATION}_count", path=OBJECT.path, method="GET", status="404") > 0
    advised = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
    assert set(DURATION_BOUNDS) <= advised


SIZE = 24 * MEBIBYTE
"""More than the socket buffers of a connection whose client does not read."""


@pytest.fixture(scope="module")
def large(start):
    """A service with an object of SIZE bytes, `large`."""
    service = start(MAX_OBJECT_BYTES=SIZE)
    assert service.request("PUT", "/api/buckets/large", b"x" * SIZE).status == 200
    once(service, lambda found: found.counted()[OBJECT.path, "PUT", "200"] == 1)
    return service


@pytest.fixture
def download(large):
    """Return a function that requests the large object and reads only the start of the response."""
    with ExitStack() as stack:

        def begin() -> socket.socket:
            connection = stack.enter_context(large.connect())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.sendall(b"GET /api/buckets/large HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
            return connection

        yield begin


def active(found: Scrape) -> float:
    return found("http_server_active_requests", http_request_method="GET", url_scheme="http")


def test_the_duration_lasts_until_the_body_is_sent(large, download):
    """It counts as active until then; scrapes and probes never do."""
    seconds = {"path": OBJECT.path, "method": "GET", "status": "200"}
    before = scrape(large)
    assert active(before) == 0
    connection = download()
    time.sleep(1)
    meanwhile = scrape(large)
    assert active(meanwhile) == 1
    assert meanwhile.counted() == before.counted()
    received = 0  # includes the head
    while received < SIZE:
        received += len(connection.recv(MEBIBYTE))
    after = assert_counted(large, before, (OBJECT.path, "GET", "200"))
    assert active(after) == 0
    assert after(f"{DURATION}_sum", **seconds) - before(f"{DURATION}_sum", **seconds) > 1
    sent = {"http_request_method": "GET", "http_route": OBJECT.path}
    name = "http_server_response_body_size_bytes"
    assert after(f"{name}_sum", **sent) - before(f"{name}_sum", **sent) == SIZE
    assert after(f"{name}_count", **sent) - before(f"{name}_count", **sent) == 1


def test_a_client_that_disconnects_ends_its_request_once(large, download):
    before = scrape(large)
    connections = [download() for _ in range(5)]
    assert active(scrape(large)) == 5
    for connection in connections:
        connection.close()
    after = assert_counted(large, before, *[(OBJECT.path, "GET", "499")] * 5)
    assert active(after) == 0
    sent = {"http_request_method": "GET", "http_route": OBJECT.path}
    name = "http_server_response_body_size_bytes_sum"
    assert 0 < after(name, **sent) - before(name, **sent) < 5 * SIZE


def test_sizes_are_those_of_the_bodies(start):
    service = start(STORE="memory", MAX_OBJECT_BYTES=2000)
    service.request("PUT", "/api/buckets/a", b"x" * 1024)
    service.request("PUT", "/api/buckets/b", b"")
    service.raw(PUT + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    service.raw(PUT + b"Content-Length: 99999999999\r\n\r\n")  # Its body is not received.
    service.request("GET", "/api/buckets/a")
    service.request("GET", "/api/buckets/a", Range="bytes=0-9")
    service.request("HEAD", "/api/buckets/a")
    listing = len(service.request("GET", "/api/buckets").body)
    found = once(service, lambda found: found.counted().total() == 8)

    def sizes(direction: str, method: str, route: str) -> tuple[float, float, float]:
        name = f"http_server_{direction}_body_size_bytes"
        labels = {"http_request_method": method, "http_route": route}
        return (
            found(f"{name}_count", **labels),
            found(f"{name}_sum", **labels),
            found(f"{name}_bucket", **labels, le="1024.0"),
        )

    assert sizes("request", "PUT", OBJECT.path) == (4, 1024 + 3, 4)
    assert sizes("response", "GET", OBJECT.path) == (2, 1024 + 10, 2)
    assert sizes("response", "GET", LISTING.path) == (1, listing, 1)


# --- the store and the server ---------------------------------------------------------------------


@pytest.mark.parametrize("store", ["memory", "filesystem"])
def test_gauges_have_the_exact_number_and_size_of_objects(start, store):
    service = start(**({"STORE": "memory"} if store == "memory" else {}))

    def gauges() -> tuple[float, float]:
        found = scrape(service)
        return found("storage_objects"), found("storage_stored_bytes")

    assert gauges() == (0, 0)
    service.request("PUT", "/api/buckets/1", b"12345")
    service.request("PUT", "/api/buckets/2", b"")
    service.request("PUT", "/api/buckets/1", b"123")
    assert gauges() == (2, 3)
    service.request("DELETE", "/api/buckets/1")
    service.request("DELETE", "/api/buckets/1")
    assert gauges() == (1, 0)

    choices = random.Random(3)  # noqa: S311 - a fixed order, no secret
    changes = [(choices.choice("PPD"), choices.randrange(12), choices.randrange(50)) for _ in range(300)]

    def change(one: tuple[str, int, int]) -> None:
        kind, id, size = one
        method, body = ("PUT", b"x" * size) if kind == "P" else ("DELETE", None)
        service.request(method, f"/api/buckets/{id}", body)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, changes))
    listed = service.request("GET", "/api/buckets").json["buckets"]
    assert gauges() == (len(listed), sum(bucket["size"] for bucket in listed))


def test_store_operations_are_counted_by_outcome(start):
    service = start(STORE="memory", FAULTS_ENABLED="true")
    before = scrape(service)
    sent: Counter[tuple[str, str]] = Counter()

    def send(operation: str, outcome: str, method: str, target: str, **headers: str) -> None:
        service.request(method, target, b"x" if method == "PUT" else None, **headers)
        sent[operation, outcome] += 1

    def fault(store: str | None) -> None:
        assert service.request("PUT", "/faults", json.dumps({"store": store}).encode()).status == 200

    send("put", "success", "PUT", "/api/buckets/x")
    send("put", "refused", "PUT", "/api/buckets/x", **ANY)
    send("get", "success", "GET", "/api/buckets/x")
    send("get", "success", "GET", "/api/buckets/x", **ANY)  # 304: a success for the store.
    send("get", "missing", "GET", "/api/buckets/none")
    send("head", "success", "HEAD", "/api/buckets/x")
    send("head", "missing", "HEAD", "/api/buckets/none")
    send("list", "success", "GET", "/api/buckets")
    send("delete", "refused", "DELETE", "/api/buckets/x", If_Match='"other"')
    send("delete", "success", "DELETE", "/api/buckets/x")
    send("delete", "missing", "DELETE", "/api/buckets/x")
    fault("full")
    send("put", "full", "PUT", "/api/buckets/x")
    fault("refuse")
    for operation, method, target in (
        ("put", "PUT", "/api/buckets/x"),
        ("get", "GET", "/api/buckets/x"),
        ("head", "HEAD", "/api/buckets/x"),
        ("delete", "DELETE", "/api/buckets/x"),
        ("list", "GET", "/api/buckets"),
    ):
        send(operation, "error", method, target)
    found = scrape(service)
    known = [(operation, outcome) for operation, outcomes in OUTCOMES.items() for outcome in outcomes]
    counts = {
        pair: found("storage_operations_total", operation=pair[0], outcome=pair[1])
        - before("storage_operations_total", operation=pair[0], outcome=pair[1])
        for pair in known
    }
    assert counts == {pair: sent[pair] for pair in known}
    assert set(known) == set(sent), "an outcome that never occurs"
    for operation in OUTCOMES:
        labels = {"backend": "memory", "operation": operation}
        total = sum(number for pair, number in sent.items() if pair[0] == operation)
        assert found("storage_operation_duration_seconds_count", **labels) == total
        assert 0 < found("storage_operation_duration_seconds_sum", **labels) < 10


def test_saturation_gauges_follow_the_load(start):
    service = start(STORE="memory", THREADS=2, FAULTS_ENABLED="true")

    def load(found: Scrape) -> tuple[float, ...]:
        return tuple(found(f"http_server_{name}") for name in ("threads", "busy_threads", "queued_requests"))

    idle = scrape(service)
    assert load(idle) == (2, 0, 0)
    assert idle("http_server_open_connections") == 1  # the scrape's
    assert service.request("PUT", "/faults", b'{"latency_seconds": 60}').status == 200
    with ExitStack() as stack:
        for _ in range(5):
            connection = stack.enter_context(service.connect())
            connection.sendall(b"GET /api/buckets/none HTTP/1.1\r\nHost: x\r\n\r\n")
        full = once(service, lambda found: load(found) == (2, 2, 3))
        assert full("http_server_open_connections") == 6
        assert active(full) == 2
        assert service.request("DELETE", "/faults").status == 200
        once(service, lambda found: load(found) == (2, 0, 0) and active(found) == 0)


# --- formats of a scrape --------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/metrics", "/api/metrics"])
@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        (PROMETHEUS, OPENMETRICS + "; escaping=allow-utf-8", parse_openmetrics),
        ("application/openmetrics-text", OPENMETRICS, parse_openmetrics),
        ("text/plain", TEXT, parse_text),
        ("*/*", TEXT, parse_text),
        # Unsupported versions, and formats that the client refuses.
        ("application/openmetrics-text;version=x", TEXT, parse_text),
        ("application/openmetrics-text;version=999.0", TEXT, parse_text),
        ("application/openmetrics-text;version=1.0.0.0", TEXT, parse_text),
        ("text/plain;version=999.0", TEXT, parse_text),
        (
            "application/openmetrics-text;version=999.0, application/openmetrics-text",
            OPENMETRICS,
            parse_openmetrics,
        ),
        ("application/openmetrics-text;q=0", TEXT, parse_text),
        ("application/openmetrics-text;q=0.1, text/plain;q=0.9", TEXT, parse_text),
        (
            'application/openmetrics-text; version="1.0.0"',
            f"{OPENMETRICS}; escaping=underscores",
            parse_openmetrics,
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=x",
            f"{OPENMETRICS}; escaping=underscores",
            parse_openmetrics,
        ),
        (
            "text/plain;version=1.0.0",
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
            parse_text,
        ),
        ("; =,,", TEXT, parse_text),
    ],
)
def test_the_scrape_has_the_format_that_the_client_accepts(service, target, accept, content_type, parse):
    answer = service.request("GET", target, Accept=accept)
    assert (answer.status, answer.headers["content-type"]) == (200, content_type)
    families = {family.name: family for family in parse(answer.body.decode())}
    names = {name.removesuffix("_total") for name in families}
    assert names >= {
        "http_request_count",
        "http_request_duration_seconds",
        "http_server_active_requests",
        "http_server_request_body_size_bytes",
        "http_server_request_duration_seconds",
        "http_server_response_body_size_bytes",
        "process_cpu_seconds",
        "process_resident_memory_bytes",
        "storage_objects",
        "storage_operation_duration_seconds",
        "storage_operations",
        "storage_stored_bytes",
    }
    assert {"storage_build", "storage_build_info"} & names
    assert {"python", "python_info"} & names
    assert families["http_request_duration_seconds"].type == "histogram"
    assert not [name for name in names if name.endswith("_created")]


@pytest.mark.parametrize(
    ("accept", "compressed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0, identity", False),
        ("br", False),
        ("", False),
        (None, False),
    ],
)
def test_a_scrape_is_compressed_if_the_client_accepts_it(service, accept, compressed):
    headers = {} if accept is None else {"Accept_Encoding": accept}
    plain = service.request("GET", "/metrics").body
    answer = service.request("GET", "/metrics", **headers)
    assert answer.headers.get("content-encoding") == ("gzip" if compressed else None)
    assert set(answer.headers["vary"].split(", ")) == {"Accept", "Accept-Encoding"}
    assert answer.headers["content-length"] == str(len(answer.body))
    text = gzip.decompress(answer.body) if compressed else answer.body
    assert {family.name for family in parse_text(text.decode())} == {
        family.name for family in parse_text(plain.decode())
    }
    if compressed:
        assert len(answer.body) < len(plain) / 10


def test_promtool_finds_no_fault_in_the_metrics(service):
    exposition = service.request("GET", "/metrics").body
    command = [toolchain.promtool(), "check", "metrics", "--lint=all"]
    done = subprocess.run(command, input=exposition, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_sampled_trace_is_the_exemplar_of_its_duration(start):
    """In OpenMetrics both families have it; a trace that is not recorded is no exemplar."""
    service = start(STORE="memory")
    traces = {flags: f"{number:032x}" for number, flags in enumerate(("01", "00"), 0xABC)}
    targets = {"01": "/api/buckets/none", "00": "/api/buckets"}
    for flags, trace in traces.items():
        service.request("GET", targets[flags], Traceparent=f"00-{trace}-00000000000000ab-{flags}")
    once(service, lambda found: found.counted().total() == 2)
    text = service.request("GET", "/metrics", Accept=PROMETHEUS).body.decode()
    exemplars = [
        (sample.name, sample.labels["le"], sample.exemplar.labels, sample.exemplar.value)
        for family in parse_openmetrics(text)
        for sample in family.samples
        if sample.exemplar
    ]
    assert [(name, labels) for name, _, labels, _ in exemplars] == [
        (f"{DURATION}_bucket", {"trace_id": traces["01"]}),
        (f"{SEMANTIC_DURATION}_bucket", {"trace_id": traces["01"]}),
    ]
    assert all(0 < value <= float(bound) for _, bound, _, value in exemplars)
    assert traces["01"] not in service.request("GET", "/metrics").body.decode()


def test_a_rate_includes_the_first_error(start, tmp_path):
    """Calculated by Prometheus: a series that began only with the error would show no increase."""
    service = start(STORE="memory", FAULTS_ENABLED="true")
    values = []
    for status in (None, None, 503, None):
        if status:
            service.request("PUT", "/faults", b'{"error_ratio": 1}')
            assert service.request("GET", "/api/buckets/x").status == status
            once(service, lambda found: found.counted()[OBJECT.path, "GET", "503"] == 1)
        found = [value for labels, value in scrape(service).counted().items() if labels[2] == "503"]
        values.append(sum(found) if found else "_")
    query = 'sum(increase(http_request_count_total{status="503"}[3m])) > bool 0'

    def checks(scrapes: list[object], seen: int) -> dict[str, object]:
        series = f'http_request_count_total{{path="{OBJECT.path}",method="GET",status="503"}}'
        return {
            "interval": "1m",
            "input_series": [{"series": series, "values": " ".join(map(str, scrapes))}],
            "promql_expr_test": [
                {"expr": query, "eval_time": "3m", "exp_samples": [{"labels": "{}", "value": seen}]}
            ],
        }

    file = tmp_path / "rate.yaml"
    file.write_text(json.dumps({"tests": [checks(values, seen=1), checks(["_", "_", *values[2:]], seen=0)]}))
    command = [toolchain.promtool(), "test", "rules", file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
