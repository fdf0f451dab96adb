"""Traces: the caller's trace is continued, spans reach a real collector by OTLP, and outages are harmless."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from lab.toolchain import ToolError
from lab.toolchain.tracing import otelcol
from storage_api.config import otlp
from storage_api.telemetry.tracing import Parent, parent_of
from tests.support.service.process import SERVICE
from tests.support.waiting import wait_until

# The collector is built at its first use.
pytestmark = pytest.mark.timeout(900)

DOCS = Path(__file__).parents[2] / "docs" / "traces.md"
SERVER, INTERNAL = 2, 1
"""Span kinds by their numbers in OTLP."""
ERROR = 2
"""Span status by its number in OTLP."""
REMOTE_PARENT = 0x300
"""Flags of a span: it is known whether the parent is remote, and it is."""
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

_traces = count(1)


def new_trace(flags: str = "01") -> tuple[str, str]:
    """Return a new trace id, and the traceparent header for it."""
    trace_id = f"{next(_traces):032x}"
    return trace_id, f"00-{trace_id}-{SPAN_ID}-{flags}"


eventually = partial(wait_until, seconds=15)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Span(NamedTuple):
    """A span as the collector wrote it, with attributes by name."""

    raw: dict
    attributes: dict[str, str | int]
    resource: dict[str, str | int]


def values(attributes: list[dict]) -> dict[str, str | int]:
    """Convert attributes of OTLP's JSON, which has a key per type, and integers as text."""
    return {
        attribute["key"]: int(value) if kind == "intValue" else value
        for attribute in attributes
        for kind, value in attribute["value"].items()
    }


class Collector:
    """A running OpenTelemetry Collector that writes what it receives to a file."""

    def __init__(self, program: Path, folder: Path, port: int) -> None:
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self._file = folder / "spans.jsonl"
        config = {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
            "exporters": {"file": {"path": str(self._file), "flush_interval": "100ms"}},
            "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}}},
        }
        (folder / "config.yaml").write_text(json.dumps(config))  # YAML holds JSON
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen([program, "--config", folder / "config.yaml"], stderr=log)
        eventually(self._listens, seconds=30)

    def _listens(self) -> bool:
        assert self.process.poll() is None, "the collector ended at start"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def spans(self) -> list[Span]:
        """All spans received so far."""
        lines = self._file.read_text().splitlines(keepends=True) if self._file.exists() else []
        return [
            Span(span, values(span["attributes"]), values(group["resource"]["attributes"]))
            for line in lines
            if line.endswith("\n")
            for group in json.loads(line)["resourceSpans"]
            for scope in group["scopeSpans"]
            for span in scope["spans"]
        ]

    def trace(self, trace_id: str, spans: int) -> list[Span]:
        """Wait until a trace has this many spans; return them, the server span first."""

        def found() -> list[Span] | None:
            ours = [span for span in self.spans if span.raw["traceId"] == trace_id]
            return ours if len(ours) >= spans else None

        return sorted(eventually(found), key=lambda span: -span.raw["kind"])


@pytest.fixture(scope="module")
def program(missing_part) -> Path:
    try:
        return otelcol()
    except ToolError as error:
        missing_part(str(error))


@pytest.fixture(scope="module")
def run_collector(program, tmp_path_factory) -> Iterator[Callable[..., Collector]]:
    started = []

    def run(port: int | None = None) -> Collector:
        started.append(Collector(program, tmp_path_factory.mktemp("collector"), port or free_port()))
        return started[-1]

    yield run
    for collector in started:
        collector.process.terminate()
        collector.process.wait()


@pytest.fixture(scope="module")
def collector(run_collector) -> Collector:
    return run_collector()


def exporter_settings(endpoint: str, **settings: object) -> dict[str, object]:
    """Settings of a service that sends spans to `endpoint` at short intervals."""
    own = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": 100,
    }
    return own | settings


@pytest.fixture(scope="module")
def traced(start, collector):
    """A service that exports its spans to the collector."""
    return start(**exporter_settings(collector.endpoint, FAULTS_ENABLED="true"))


def requests_of(service, trace_id: str) -> list[dict]:
    return [line for line in service.log if line.get("trace_id") == trace_id]


def from_opentelemetry(service) -> list[dict]:
    """Log lines of OpenTelemetry's own loggers."""
    return [line for line in service.log if line.get("logger", "").startswith("opentelemetry")]


# --- the caller's trace -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "flags"),
    [
        (f"00-{TRACE_ID}-{SPAN_ID}-01", 1),
        (f"00-{TRACE_ID}-{SPAN_ID}-00", 0),
        (f"00-{TRACE_ID}-{SPAN_ID}-ff", 255),
        (f"01-{TRACE_ID}-{SPAN_ID}-03", 3),
        (f"cc-{TRACE_ID}-{SPAN_ID}-01-what the future will be like", 1),
        (f"fe-{TRACE_ID}-{SPAN_ID}-01-", 1),
    ],
)
def test_a_valid_traceparent_is_read(header, flags):
    assert parent_of({"HTTP_TRACEPARENT": header}) == Parent(TRACE_ID, SPAN_ID, flags)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{SPAN_ID.upper()}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-1",
        f"00-{TRACE_ID}-{SPAN_ID}-0x",
        f"00-{TRACE_ID}-{SPAN_ID}-01-",
        f"00-{TRACE_ID}-{SPAN_ID}-01-more",
        f"cc-{TRACE_ID}-{SPAN_ID}-01more",
        f"cc-{TRACE_ID}-{SPAN_ID}-01.more",
        f"0-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{TRACE_ID[1:]}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{SPAN_ID}0-01",
        f"00_{TRACE_ID}_{SPAN_ID}_01",
        f" 00-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-01\n",
        # Two traceparent fields, joined as WSGI does.
        f"00-{TRACE_ID}-{SPAN_ID}-01, 00-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{'٣' * 32}-{SPAN_ID}-01",
    ],
)
def test_an_invalid_traceparent_is_ignored(header):
    assert parent_of({"HTTP_TRACEPARENT": header}) is None


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_response_names_the_callers_trace_and_a_span_of_its_own(service, flags):
    trace_id, header = new_trace(flags)
    for status, target in ((404, "/api/buckets/none"), (200, "/healthz"), (404, "/nowhere")):
        answer = service.request("GET", target, traceparent=header)
        assert answer.status == status
        version, trace, span, sampled = answer.headers["traceresponse"].split("-")
        assert (version, trace, sampled) == ("00", trace_id, flags)
        assert span not in (SPAN_ID, "0" * 16)
    eventually(lambda: len(requests_of(service, trace_id)) == 3)


def test_without_a_trace_neither_response_nor_log_names_one(service):
    for headers in ({}, {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}"}, {"tracestate": "a=1"}):
        assert "traceresponse" not in service.request("GET", "/api/buckets/none", **headers).headers
    assert all("trace_id" not in line for line in requests_of(service, TRACE_ID))


def test_a_request_refused_before_parsing_keeps_its_trace(service):
    trace_id, header = new_trace()
    head = f"PUT /api/buckets/1 HTTP/1.1\r\nHost: x\r\ntraceparent: {header}\r\nContent-Length: x\r\n\r\n"
    answer = service.raw(head.encode())
    assert (answer.status, answer.headers["traceresponse"][3:35]) == (400, trace_id)


def test_the_sdk_is_not_imported_unless_spans_are_sent():
    code = """
import sys
from storage_api import __main__, config
from storage_api.api.app import create_app
create_app(config.read({"STORE": "memory"})).test_client().get("/healthz")
assert not [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]
"""
    service = Path(otlp.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(service)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


# --- what is sent -------------------------------------------------------------------------------------


def test_a_store_operation_is_a_child_span_of_the_request(traced, collector):
    trace_id, header = new_trace()
    answer = traced.request(
        "PUT",
        "/api/buckets/spanned",
        b"1234",
        traceparent=header,
        tracestate="vendor=kept, other=too",
        User_Agent="u" * 5000,
    )
    assert answer.status == 200
    server, child = collector.trace(trace_id, 2)
    assert server.raw["name"] == "PUT /api/buckets/<id>"
    assert server.raw["kind"] == SERVER
    assert server.raw["parentSpanId"] == SPAN_ID
    assert server.raw["flags"] == REMOTE_PARENT
    assert server.raw["traceState"] == "vendor=kept,other=too"
    assert server.raw["status"] == {}
    assert server.attributes == {
        "http.request.method": "PUT",
        "http.route": "/api/buckets/<id>",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": "/api/buckets/spanned",
        "server.address": "127.0.0.1",
        "server.port": traced.port,
        "client.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "user_agent.original": "u" * 512,
    }
    assert server.resource["service.name"] == "storage-api"
    assert server.resource["service.version"]

    assert (child.raw["name"], child.raw["kind"]) == ("storage put", INTERNAL)
    assert child.raw["parentSpanId"] == server.raw["spanId"]
    assert child.attributes == {
        "storage.backend": "filesystem",
        "storage.operation": "put",
        "storage.outcome": "success",
    }
    begun, ended = (
        [int(span.raw[f"{end}TimeUnixNano"]) for span in (server, child)] for end in ("start", "end")
    )
    assert begun[0] <= begun[1] <= ended[1] <= ended[0]
    assert 0 < ended[1] - begun[1] < 10e9


def test_span_log_response_and_exemplar_share_the_trace_id(traced, collector):
    """The exported span, the log line, the response and the exemplar on /metrics have the same trace id."""
    trace_id, header = new_trace()
    answer = traced.request("GET", "/api/buckets/none", traceparent=header)
    server, _ = collector.trace(trace_id, 2)
    assert answer.headers["traceresponse"] == f"00-{trace_id}-{server.raw['spanId']}-01"
    (line,) = eventually(lambda: requests_of(traced, trace_id))
    assert (line["message"], line["status"], line["route"]) == ("request", 404, "/api/buckets/<id>")
    metrics = traced.request("GET", "/metrics", Accept="application/openmetrics-text; version=1.0.0").body
    marked = [line for line in metrics.decode().splitlines() if trace_id in line]
    assert any(line.startswith("http_request_duration_seconds_bucket{") for line in marked)
    assert all(f'# {{trace_id="{trace_id}"}} ' in line for line in marked)


def test_a_trace_starts_without_a_caller(traced, collector):
    answer = traced.request("GET", "/api/buckets/none", traceparent="nonsense", tracestate="lost=1")
    _, trace_id, span_id, flags = answer.headers["traceresponse"].split("-")
    server, _ = collector.trace(trace_id, 2)
    assert (server.raw["spanId"], flags) == (span_id, "01")
    assert not server.raw.get("parentSpanId")
    assert "traceState" not in server.raw


def test_started_traces_have_different_ids(traced):
    answers = [traced.request("GET", "/api/buckets/none").headers["traceresponse"] for _ in range(20)]
    assert len({answer[3:35] for answer in answers}) == 20


def test_probes_and_scrapes_start_no_trace(traced, collector):
    for target in ("/healthz", "/readyz", "/metrics", "/api/metrics"):
        assert "traceresponse" not in traced.request("GET", target).headers
    trace_id, header = new_trace()
    assert "traceresponse" in traced.request("GET", "/readyz", traceparent=header).headers
    (server,) = collector.trace(trace_id, 1)
    assert server.raw["name"] == "GET /readyz"


def test_a_trace_that_the_caller_does_not_sample_is_not_exported(traced, collector):
    unrecorded, header = new_trace("00")
    answer = traced.request("GET", "/api/buckets/none", traceparent=header)
    assert answer.headers["traceresponse"][3:35] == unrecorded
    assert answer.headers["traceresponse"].endswith("-00")
    recorded, header = new_trace()
    traced.request("GET", "/api/buckets/none", traceparent=header)
    collector.trace(recorded, 2)  # All earlier spans have arrived too.
    assert unrecorded not in {span.raw["traceId"] for span in collector.spans}
    metrics = traced.request("GET", "/metrics", Accept="application/openmetrics-text; version=1.0.0").body
    assert unrecorded.encode() not in metrics


@pytest.mark.parametrize(
    ("request_line", "name", "attributes"),
    [
        ("GET /nowhere", "GET", {"http.response.status_code": 404, "http.route": None}),
        ("BREW /api/buckets/1", "HTTP /api/buckets/<id>", {"http.request.method_original": "BREW"}),
        ("BREW /nowhere", "HTTP", {"http.request.method": "_OTHER", "http.response.status_code": 404}),
        ("HEAD /api/buckets/%C3%A9", "HEAD /api/buckets/<id>", {"url.path": "/api/buckets/%C3%A9"}),
        ("GET /api/buckets?prefix=%ff", "GET /api/buckets", {"url.query": "prefix=%ff"}),
    ],
)
def test_client_errors_are_not_errors_of_the_span(traced, collector, request_line, name, attributes):
    trace_id, header = new_trace()
    traced.request(*request_line.split(), traceparent=header)
    server = collector.trace(trace_id, 1)[0]
    assert server.raw["name"] == name
    assert {key: server.attributes.get(key) for key in attributes} == attributes
    assert server.raw["status"] == {}
    assert "error.type" not in server.attributes


def test_a_server_error_is_an_error_of_the_span(traced, collector):
    faults = json.dumps({"store": "refuse"}).encode()
    assert traced.request("PUT", "/faults", faults, Content_Type="application/json").status == 200
    try:
        trace_id, header = new_trace()
        assert traced.request("GET", "/api/buckets/1", traceparent=header).status == 503
    finally:
        assert traced.request("DELETE", "/faults").status == 200
    server, child = collector.trace(trace_id, 2)
    assert server.raw["status"] == {"code": ERROR}
    assert server.attributes["error.type"] == "503"
    assert child.raw["status"] == {"code": ERROR}
    assert (child.attributes["storage.outcome"], child.attributes["error.type"]) == ("error", "error")


@pytest.mark.parametrize(
    ("target", "host", "status", "found"),
    [
        ("/readyz", "storage.example.org", 200, {"server.address": "storage.example.org"}),
        ("/readyz", "[::1]:5000", 200, {"server.address": "::1", "server.port": 5000}),
        ("http://y:81/readyz", "x", 200, {"server.address": "y", "server.port": 81}),
        ("/readyz", "x:99999", 400, {}),
        ("/readyz", "[x", 400, {}),
        ("/readyz", "", 400, {}),
    ],
)
def test_the_server_address_is_taken_from_the_request(  # noqa: PLR0917
    traced, collector, target, host, status, found
):
    """An invalid Host is refused, and left out of the span."""
    trace_id, header = new_trace()
    head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\ntraceparent: {header}\r\n\r\n"
    assert traced.raw(head.encode()).status == status
    (server,) = collector.trace(trace_id, 1)
    assert {key: server.attributes[key] for key in server.attributes if key.startswith("server.")} == found
    assert server.attributes["http.response.status_code"] == status
    assert server.attributes["url.path"] == "/readyz"


def test_a_refused_target_has_a_span(traced, collector):
    assert traced.raw(b"GET /refused-target#1 HTTP/1.1\r\nHost: x\r\n\r\n").status == 400
    (server,) = eventually(
        lambda: [span for span in collector.spans if span.attributes.get("url.path") == "/refused-target#1"]
    )
    assert server.attributes["http.request.method"] == "GET"
    assert server.attributes["http.response.status_code"] == 400
    assert "http.route" not in server.attributes


def test_the_query_is_exported(traced, collector):
    trace_id, header = new_trace()
    assert traced.request("GET", "/api/buckets?prefix=none", traceparent=header).status == 200
    server, _ = collector.trace(trace_id, 2)
    assert server.attributes["url.query"] == "prefix=none"


def test_hostile_headers_are_exported_truncated_or_not_at_all(traced, collector):
    for state in ("=", "a=" + "b" * 600, "ÿ=1", ",".join(f"k{n}={'v' * 20}" for n in range(25))):
        trace_id, header = new_trace()
        traced.raw(
            f"GET /readyz?{'q' * 9000} HTTP/1.1\r\nHost: {'h' * 9000}\r\ntraceparent: {header}\r\n"
            f"tracestate: {state}\r\nUser-Agent: ÿ\r\n\r\n".encode("latin-1")
        )
        (server,) = collector.trace(trace_id, 1)
        assert "traceState" not in server.raw
        assert server.attributes["user_agent.original"] == "ÿ"
        assert max(len(str(value)) for value in server.attributes.values()) <= 512
    assert from_opentelemetry(traced) == []


def test_variables_set_the_service_name_and_the_sampler(start, collector):
    service = start(
        **exporter_settings(
            collector.endpoint,
            OTEL_SERVICE_NAME="another",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
            OTEL_TRACES_SAMPLER="parentbased_always_off",
        )
    )
    own = service.request("GET", "/api/buckets/none").headers["traceresponse"]
    assert own.endswith("-00")
    trace_id, header = new_trace()
    service.request("GET", "/api/buckets/none", traceparent=header)
    server, _ = collector.trace(trace_id, 2)
    assert server.resource["service.name"] == "another"
    assert server.resource["deployment.environment.name"] == "test"
    assert own[3:35] not in {span.raw["traceId"] for span in collector.spans}


def test_a_change_of_the_wall_clock_does_not_affect_durations(start, collector, clock):
    """A span used to take an hour, or to end before it began."""
    service = start(
        **exporter_settings(collector.endpoint, FAULTS_ENABLED="true", STORE="memory"),
        PYTHONPATH=f"{clock}:{SERVICE}",
    )
    fault = json.dumps({"latency_seconds": 2}).encode()
    assert service.request("PUT", "/faults", fault, Content_Type="application/json").status == 200
    trace_id, header = new_trace()
    with service.connect() as connection:
        connection.sendall(
            f"GET /api/buckets/1 HTTP/1.1\r\nHost: x\r\ntraceparent: {header}\r\n\r\n".encode()
        )
        time.sleep(1)
        (clock / "step").write_text("3600")
        assert connection.recv(12) == b"HTTP/1.1 404"
    server, child = (
        [int(span.raw[f"{end}TimeUnixNano"]) for end in ("start", "end")]
        for span in collector.trace(trace_id, 2)
    )
    assert server[0] <= child[0] <= child[1] <= server[1]
    assert 2e9 <= server[1] - server[0] < 60e9


# --- shutdown and outages -----------------------------------------------------------------------------


def test_remaining_spans_are_sent_at_shutdown(start, collector):
    service = start(**exporter_settings(collector.endpoint, OTEL_BSP_SCHEDULE_DELAY=3_600_000))
    trace_id, header = new_trace()
    service.request("GET", "/api/buckets/none", traceparent=header)
    time.sleep(0.5)
    assert trace_id not in {span.raw["traceId"] for span in collector.spans}
    service.signal(signal.SIGTERM)
    assert service.process.wait(20) == 0
    collector.trace(trace_id, 2)


def test_an_outage_harms_no_request_and_is_logged_once(start, run_collector):
    port = free_port()
    service = start(**exporter_settings(f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_TIMEOUT=1))

    def told(text: str) -> list[dict]:
        return [line for line in service.log if text in line["message"]]

    took = []
    until = time.monotonic() + 2
    while time.monotonic() < until:
        before = time.monotonic()
        assert service.request("GET", "/api/buckets/none").status == 404
        took.append(time.monotonic() - before)
    assert sorted(took)[len(took) // 2] < 0.1
    (warning,) = eventually(lambda: told("spans are lost"))
    assert warning["level"] == "warning"
    assert f"until http://127.0.0.1:{port} accepts them: " in warning["message"]

    collector = run_collector(port)
    trace_id, header = new_trace()

    def arrived() -> bool:
        service.request("GET", "/readyz", traceparent=header)
        return trace_id in {span.raw["traceId"] for span in collector.spans}

    eventually(arrived, seconds=30)
    eventually(lambda: told("spans are accepted again"))
    assert len(told("spans are lost")) == 1
    assert from_opentelemetry(service) == []


def test_spans_dropped_by_a_full_queue_are_counted_and_logged(start, run_collector):
    """In a short outage no export fails, but hundreds of spans may not fit into the queue."""
    port = free_port()
    service = start(
        **exporter_settings(f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_TIMEOUT=60),
        OTEL_BSP_MAX_QUEUE_SIZE=64,
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE=16,
    )
    for _ in range(200):
        assert service.request("GET", "/api/buckets/none").status == 404  # two spans
    collector = run_collector(port)
    service.signal()
    assert service.process.wait(30) == 0
    told = [line["message"] for line in service.log if "spans are lost" in line["message"]]
    assert sum(int(message.split(" ")[0]) for message in told) == 400 - len(collector.spans)
    assert 16 <= len(collector.spans) <= 64 + 16
    assert from_opentelemetry(service) == []


def test_lost_spans_are_counted_in_a_metric(start, closed_port):
    service = start(
        **exporter_settings(f"http://127.0.0.1:{closed_port}", OTEL_EXPORTER_OTLP_TIMEOUT=1),
        OTEL_BSP_MAX_QUEUE_SIZE=16,
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE=8,
    )
    lost = ("storage_spans_lost_total", "", "", "")
    assert service.samples("storage_spans_lost") == {lost: 0}
    for _ in range(100):
        service.request("GET", "/api/buckets/none")
    eventually(lambda: service.samples("storage_spans_lost")[lost] >= 200 - 16)
    service.signal()
    assert service.process.wait(20) == 0
    (first, last) = [line["message"] for line in service.log if "spans are lost" in line["message"]]
    assert first.startswith("spans are lost until http://127.0.0.1:")
    assert last.startswith("200 spans are lost: ")


def test_an_unreachable_collector_does_not_delay_the_shutdown(start, closed_port):
    service = start(**exporter_settings(f"http://127.0.0.1:{closed_port}"))
    service.request("GET", "/api/buckets/none")
    eventually(lambda: [line for line in service.log if "spans are lost" in line["message"]])
    service.request("GET", "/api/buckets/none")
    began = time.monotonic()
    service.signal(signal.SIGTERM)
    assert service.process.wait(20) == 0
    assert time.monotonic() - began < 4


def test_a_silent_collector_delays_the_shutdown_at_most_to_its_timeout(start):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        service = start(
            **exporter_settings(endpoint, OTEL_BSP_SCHEDULE_DELAY=3_600_000, SHUTDOWN_TIMEOUT_SECONDS=2)
        )
        service.request("GET", "/api/buckets/none")
        began = time.monotonic()
        service.signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
        assert 1.5 < time.monotonic() - began < 8
    assert [line for line in service.log if "could not be sent within" in line["message"]]
