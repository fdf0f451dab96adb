"""The metrics: every response counts exactly once, and nothing a client sends becomes a series of its own."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

BUCKET = "/api/buckets/<id>"
UNMATCHED = "unmatched"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# What Prometheus 3 sends.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


SCRAPE = ("/metrics", "GET", "200")


def counted(service, name: str) -> Counter:
    """{(path, method, status): value} of the metric `name`, without the scrapes that tell it."""
    samples = service.samples(name).items()
    return Counter({key[1:]: value for key, value in samples if key[0] == name and key[1:] != SCRAPE})


def counted_since(service, name: str, before: Counter, number: int) -> Counter:
    """What has been counted since `before`, once it is `number` or more: a count comes after the answer."""
    deadline = time.monotonic() + 10
    while (difference := counted(service, name) - before).total() < number:
        assert time.monotonic() < deadline, difference
        time.sleep(0.01)
    return difference


def assert_counted_once(service, send, expected: tuple[str, str, str]) -> None:
    names = ("http_request_count_total", "http_request_duration_seconds_count")
    before = [counted(service, name) for name in names]
    send()
    for name, earlier in zip(names, before, strict=True):
        assert counted_since(service, name, earlier, 1) == Counter([expected]), name


CASES = [
    # method, target, status, path label, method label
    ("PUT", "/api/buckets/1", 200, BUCKET, "PUT"),
    ("PUT", "/api/buckets/1", 200, BUCKET, "PUT"),
    ("GET", "/api/buckets/1", 200, BUCKET, "GET"),
    ("HEAD", "/api/buckets/1", 200, BUCKET, "HEAD"),
    ("DELETE", "/api/buckets/1", 200, BUCKET, "DELETE"),
    ("DELETE", "/api/buckets/1", 400, BUCKET, "DELETE"),
    ("GET", "/api/buckets/1", 404, BUCKET, "GET"),
    ("HEAD", "/api/buckets/1", 404, BUCKET, "HEAD"),
    ("GET", "/api/buckets/%ff", 400, BUCKET, "GET"),
    ("PUT", "/api/buckets/a/b", 400, BUCKET, "PUT"),
    ("DELETE", "/api/buckets/", 400, BUCKET, "DELETE"),
    ("OPTIONS", "/api/buckets/1", 200, BUCKET, "OPTIONS"),
    ("POST", "/api/buckets/1", 405, BUCKET, "_OTHER"),
    ("PATCH", "/api/buckets/1", 405, BUCKET, "_OTHER"),
    ("TRACE", "/api/buckets/1", 405, BUCKET, "_OTHER"),
    ("BREW", "/api/buckets/1", 405, BUCKET, "_OTHER"),
    ("GET", "/api/metrics", 200, "/api/metrics", "GET"),
    ("PUT", "/api/metrics", 405, "/api/metrics", "PUT"),
    ("HEAD", "/metrics", 200, "/metrics", "HEAD"),
    ("GET", "/healthz", 200, "/healthz", "GET"),
    ("OPTIONS", "/healthz", 200, "/healthz", "OPTIONS"),
    ("DELETE", "/healthz", 405, "/healthz", "DELETE"),
    ("GET", "/readyz", 200, "/readyz", "GET"),
    ("GET", "/", 404, UNMATCHED, "GET"),
    ("OPTIONS", "/nothing", 404, UNMATCHED, "OPTIONS"),
    ("BREW", "/nothing", 404, UNMATCHED, "_OTHER"),
    ("GET", "/%ff", 404, UNMATCHED, "GET"),
    ("GET", "/healthz/", 404, UNMATCHED, "GET"),
    ("CONNECT", "example.org:443", 404, UNMATCHED, "_OTHER"),
]


@pytest.mark.parametrize(("method", "target", "status", "path", "label"), CASES)
def test_a_response_counts_once(service, method, target, status, path, label):  # noqa: PLR0917
    def send():
        assert service.request(method, target, b"x" if method == "PUT" else None).status == status

    assert_counted_once(service, send, (path, label, str(status)))


@pytest.mark.parametrize(
    ("data", "status", "path", "label"),
    [
        (
            b"PUT /api/buckets/1 HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n" + b"x" * 1048577,
            413,
            BUCKET,
            "PUT",
        ),
        (b"PUT /api/buckets/1 HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413, BUCKET, "PUT"),
        (b"POST /nothing HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413, UNMATCHED, "_OTHER"),
        (b"nonsense\r\n\r\n", 400, UNMATCHED, "_OTHER"),
        (b"PUT /api/buckets/1 HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501, UNMATCHED, "PUT"),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", 431, UNMATCHED, "GET"),
    ],
)
def test_a_refusal_before_the_routes_counts_once(service, data, status, path, label):
    def send():
        assert service.raw(data).status == status

    assert_counted_once(service, send, (path, label, str(status)))


def test_an_exception_counts_once_as_500_and_is_one_line_in_the_log(start, tmp_path):
    folder = tmp_path / "data"
    service = start(STORE_PATH=folder)
    shutil.rmtree(folder)

    def send():
        answer = service.request("PUT", "/api/buckets/a%20b", b"x")
        assert (answer.status, answer.json) == (500, {"error": "internal server error"})

    assert_counted_once(service, send, (BUCKET, "PUT", "500"))
    assert service.request("GET", "/readyz").status == 503
    assert service.request("GET", "/healthz").status == 200
    errors = [line for line in service.log if line["level"] == "error"]
    assert [(line["message"], line["method"], line["route"]) for line in errors] == [
        ("request failed", "PUT", BUCKET)
    ]
    assert "FileNotFoundError" in errors[0]["exception"]


def test_nothing_is_lost_or_doubled_under_load(service):
    choices = random.Random(7)  # noqa: S311 - a fixed order, no secret
    requests = [choices.choice(CASES[:5]) for _ in range(800)]

    def send(case):
        return service.request(case[0], f"/api/buckets/{choices.randint(1, 8)}", b"x" * 10).status

    before = counted(service, "http_request_count_total")
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, requests))
    sent = Counter((BUCKET, case[0], str(status)) for case, status in zip(requests, statuses, strict=True))
    assert counted_since(service, "http_request_count_total", before, len(requests)) == sent


def test_hostile_requests_add_no_series(service):
    methods = ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "POST", "BREW", "X1", "X2", "X3"]

    def send(number):
        method = methods[number % len(methods)]
        service.request(method, f"/api/buckets/{number}%ff/{number}", b"")
        service.request(method, f"/{number}/{number}?{number}", b"")

    for number in range(20):
        send(number)
    before = set(service.samples("http_"))
    for number in range(20, 120):
        send(number)
    assert set(service.samples("http_")) == before


def test_gauges_tell_what_is_stored(start):
    service = start(STORE="memory")

    def gauges():
        samples = service.samples("storage_")
        return samples["storage_objects", "", "", ""], samples["storage_stored_bytes", "", "", ""]

    assert gauges() == (0, 0)
    service.request("PUT", "/api/buckets/1", b"12345")
    service.request("PUT", "/api/buckets/2", b"")
    service.request("PUT", "/api/buckets/1", b"123")
    assert gauges() == (2, 3)
    service.request("DELETE", "/api/buckets/1")
    service.request("DELETE", "/api/buckets/1")
    assert gauges() == (1, 0)


@pytest.mark.parametrize("target", ["/metrics", "/api/metrics"])
@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        (PROMETHEUS, OPENMETRICS + "; escaping=allow-utf-8", parse_openmetrics),
        ("application/openmetrics-text", OPENMETRICS, parse_openmetrics),
        ("text/plain", TEXT, parse_text),
        ("*/*", TEXT, parse_text),
        ("application/openmetrics-text;version=x", TEXT, parse_text),
    ],
)
def test_the_format_that_the_scraper_asks_for(service, target, accept, content_type, parse):
    answer = service.request("GET", target, Accept=accept)
    assert (answer.status, answer.headers["content-type"]) == (200, content_type)
    families = {family.name: family for family in parse(answer.body.decode())}
    names = {name.removesuffix("_total") for name in families}
    assert names >= {
        "http_request_count",
        "http_request_duration_seconds",
        "process_cpu_seconds",
        "process_resident_memory_bytes",
        "storage_objects",
        "storage_stored_bytes",
    }
    assert {"storage_build", "storage_build_info"} & names
    assert {"python", "python_info"} & names
    assert families["http_request_duration_seconds"].type == "histogram"
    assert not [name for name in names if name.endswith("_created")]


def test_buckets_are_those_that_opentelemetry_advises(service):
    service.request("GET", "/healthz")
    text = service.request("GET", "/metrics").body.decode()
    (family,) = [f for f in parse_text(text) if f.name == "http_request_duration_seconds"]
    bounds = {float(sample.labels["le"]) for sample in family.samples if "le" in sample.labels}
    advised = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, float("inf")}
    assert bounds == advised
