"""The log: one line per event in three formats; nothing that a client sends can forge a field or a line."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

import pytest

from storage_api.config import Config
from storage_api.telemetry import log as logs
from storage_api.telemetry.exchange import Exchange
from tests.support.waiting import wait_until

SERVICE = Path(__file__).parents[2] / "service"

# Values that could forge lines, fields or terminal output.
HOSTILE = [
    "\n",
    "\r\n",
    '\n{"time":"2000-01-01","level":"error","message":"forged"}',
    '","level":"error","x":"',
    '" level=error x="',
    " level=error",
    "=",
    "\\",
    '\\"',
    "\x00",
    "\x1b[2J\x1b[31m",
    "\x9b2J",
    "\x7f\x08",
    "\u2028\u2029\x85\x0b\x0c\x1c",
    "\u202egnp.exe",
    "\ufeff\u200b",
    "\ud800",
    "ü€😀",
    "'",
    "",
]


class Process:
    """A service whose log can have any format, or be closed."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self._port = port
        self._log = log
        wait_until(self._answers, 20)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_bytes()
        try:
            return self.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        except ConnectionError:
            return False

    def send(self, data: bytes) -> bytes:
        """Send the bytes of one request; return the whole response."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
            connection.sendall(data)
            answer = b""
            while not answer.partition(b"\r\n\r\n")[1]:
                answer += connection.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
            while len(body) < length:
                body += connection.recv(65536)
            return head + b"\r\n\r\n" + body

    def lines(self) -> list[str]:
        """The complete lines of the log so far."""
        return self._log.read_text().split("\n")[:-1]


@pytest.fixture
def start_process(tmp_path_factory) -> Iterator[Callable[..., Process]]:
    """Return a function that starts a service with any log format; its log goes to a file by default."""
    processes = []

    def start(
        *, stderr: int | IO[bytes] | None = None, prefix: Sequence[str] = (), **settings: object
    ) -> Process:
        log = tmp_path_factory.mktemp("log") / "log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        own = {"PYTHONPATH": str(SERVICE), "HOST": "127.0.0.1", "PORT": str(port), "STORE": "memory"}
        environ = {**os.environ, **own, **{name: str(value) for name, value in settings.items()}}
        with log.open("wb") as file:
            command = [*prefix, sys.executable, "-m", "storage_api"]
            processes.append(subprocess.Popen(command, env=environ, stderr=stderr or file))
        return Process(processes[-1], port, log)

    yield start
    for process in processes:
        process.kill()
        process.wait()


# --- requests -----------------------------------------------------------------------------------------


def requests_in(log: list[dict], **fields: object) -> list[dict]:
    """The logged requests that have these fields."""
    return [line for line in log if line["message"] == "request" and fields.items() <= line.items()]


@pytest.fixture(scope="module")
def service(start):
    return start(STORE="memory", MAX_OBJECT_BYTES=1000)


def test_a_query_is_not_logged(service):
    service.request("GET", "/api/buckets?prefix=private")
    wait_until(lambda: requests_in(service.log, path="/api/buckets"))
    assert "private" not in json.dumps(service.log)


def test_a_request_is_one_line(service):
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    service.request("PUT", "/api/buckets/one%20", b"12345", traceparent=f"00-{trace_id}-00f067aa0ba902b7-01")
    wait_until(lambda: requests_in(service.log, path="/api/buckets/one%20"))
    (line,) = requests_in(service.log, path="/api/buckets/one%20")
    assert abs(datetime.fromisoformat(line.pop("time")).timestamp() - time.time()) < 60
    assert 0 < line.pop("duration_seconds") < 10
    assert line == {
        "level": "info",
        "message": "request",
        "method": "PUT",
        "route": "/api/buckets/<id>",
        "path": "/api/buckets/one%20",
        "status": 200,
        "request_bytes": 5,
        "response_bytes": len("Bucket one  created"),
        "client_address": "127.0.0.1",
        "trace_id": trace_id,
    }


@pytest.mark.parametrize(
    ("target", "data", "expected"),
    [
        (b"GET /api/buckets/none", b"", {"method": "GET", "status": 404, "route": "/api/buckets/<id>"}),
        (b"BREW /coffee", b"", {"method": "_OTHER", "status": 404, "route": "unmatched"}),
        (b"PUT /api/buckets/big", b"x" * 1001, {"method": "PUT", "status": 413, "request_bytes": 0}),
        (b"GET /healthz", b"", {"status": 200, "route": "/healthz"}),
    ],
)
def test_every_response_is_logged(service, target, data, expected):
    before = len(requests_in(service.log, **expected))
    service.raw(target + b" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
    wait_until(lambda: len(requests_in(service.log, **expected)) == before + 1)


def test_malformed_requests_are_logged_too(service):
    service.raw(b"\x16\x03\x01 nonsense\r\n\r\n")
    wait_until(lambda: requests_in(service.log, status=400, route="unmatched", method="_OTHER"))


@pytest.mark.parametrize(
    ("target", "host", "path", "status"),
    [
        ("/api/buckets/1#2", "x", "/api/buckets/1#2", 400),
        ("api/buckets/1?a", "x", "api/buckets/1", 400),
        ("/api/buckets/2", "a b", "/api/buckets/2", 400),
        ("http://y/api/buckets/a%20b", "x", "/api/buckets/a%20b", 404),
        ("http://y?c", "x", "/", 404),
    ],
)
def test_the_path_is_logged_as_it_was_sent(service, target, host, path, status):
    """Also if the request is refused because of its path; of a URL, only the path is logged."""
    service.raw(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    wait_until(lambda: requests_in(service.log, path=path, status=status, method="GET"))


def test_a_long_path_is_truncated(service):
    service.request("GET", "/" + "x" * 20_000)
    wait_until(lambda: requests_in(service.log, path="/" + "x" * (logs.MAX_PATH_CHARACTERS - 1)))


HOSTILE_REQUESTS = [
    b'GET /api/buckets/%0a{"level":"error"} HTTP/1.1\r\nHost: x\r\n\r\n',
    b'GET /api/buckets/a"level=error\\ HTTP/1.1\r\nHost: x\r\n\r\n',
    b"GET /api/buckets/\x1b[31m\x07 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/buckets/\xc2\x9b31m\xe2\x80\xae HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/buckets/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /level=error HTTP/1.1\r\nHost: level=error\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\ntraceparent: \x1b[31m level=error\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\ntraceparent: 00-" + b'"level":"x"' * 3 + b"-00f067aa0ba902b7-01\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: \xe2\x80\xa8level=error\r\n\r\n",
    b"\x1b]0;owned\x07 / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nAuthorization: Bearer secret-secret\r\nHost: x\r\n\r\n",
]


def logfmt_fields(line: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in shlex.split(line)]
    assert all(separator for _, separator, _ in pairs), line
    return {name: value for name, _, value in pairs}


def console_fields(line: str) -> dict[str, str]:
    time, level, message, rest = re.fullmatch(r"(\S+) \[(\w+) *\] ('.*?'|\S+) *(.*)", line).groups()
    return {"time": time, "level": level, "message": message} | logfmt_fields(rest)


FIELDS: dict[str, Callable[[str], dict]] = {
    "json": json.loads,
    "logfmt": logfmt_fields,
    "console": console_fields,
}
"""A parser of a log line for each format."""


@pytest.mark.parametrize("form", FIELDS)
def test_no_request_can_forge_log_lines(form, start_process):
    """In each format there is one line per request: level info, plain ASCII, and the usual fields."""
    service = start_process(LOG_FORMAT=form)
    wait_until(lambda: any("/healthz" in line for line in service.lines()))
    begin = len(service.lines())
    for request in HOSTILE_REQUESTS:
        service.send(request)
    wait_until(lambda: len(service.lines()) >= begin + len(HOSTILE_REQUESTS))
    service.process.terminate()
    assert service.process.wait(10) == 0
    lines = [line for line in service.lines()[begin:] if "shutting down" not in line]
    assert len(lines) == len(HOSTILE_REQUESTS)
    for line in lines:
        fields = FIELDS[form](line)
        assert (fields["level"], fields["message"]) == ("info", "request")
        assert set(fields) <= {
            *("time", "level", "message", "method", "route", "path", "status", "duration_seconds"),
            *("request_bytes", "response_bytes", "client_address", "trace_id"),
        }
        assert re.fullmatch("[0-9a-f]{32}", fields.get("trace_id", "0" * 32))
    assert not [line for line in lines if "secret" in line or not re.fullmatch("[ -~]+", line)]


# --- any event ------------------------------------------------------------------------------------------


@pytest.fixture
def logged(capfd) -> Callable[..., str]:
    """Return a function that logs one event of the `logging` module in a format; it returns the output."""

    def write(form: str, message: str, *arguments: object, **options: object) -> str:
        handler = logs.Handler(Config(log_format=form))
        logger = logging.Logger("tests", logging.DEBUG)
        logger.addHandler(handler)
        capfd.readouterr()
        logger.error(message, *arguments, **options)
        return capfd.readouterr().err

    return write


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
@pytest.mark.parametrize("form", FIELDS)
def test_no_value_can_forge_fields(form, value, logged):
    """Neither as a field nor as a part of the message."""
    said = logged(form, "told: %s", value, extra={"fields": {"path": value, "last": 1}})
    assert re.fullmatch("[ -~]*\n", said)
    if form == "json":
        line = json.loads(said)
        assert (line["message"], line["path"]) == (f"told: {value}", value)
        assert list(line) == ["time", "level", "message", "logger", "path", "last"]
    else:
        # Everything between `path=` and the next field is the value.
        head, _, rest = said.rstrip("\n").rpartition(" last=")
        assert rest == "1"
        assert re.search(r" path=(\S*|\"([^\"\\]|\\.)*\"|'([^'\\]|\\.)*')$", head), said
        assert " [error    ] " in head if form == "console" else " level=error " in head
        if "=" in value:  # Text that looks like a field is quoted, in the message too.
            assert re.search(r"(\[error    \] |message=)[\"']told: ", head)


@pytest.mark.parametrize("form", FIELDS)
def test_an_exception_is_logged_with_its_traceback(form, logged):
    try:
        raise ValueError("first\n2000-01-01T00:00:00 [info] forged\x1b[31m")
    except ValueError as error:
        said = logged(form, "failed", exc_info=error)
    assert re.fullmatch("[ -~\n]*\n", said)
    if form == "json":
        assert json.loads(said)["exception"].endswith(
            "ValueError: first\n2000-01-01T00:00:00 [info] forged\x1b[31m"
        )
    lines = said.splitlines()
    assert len(lines) == 1 or (form == "console" and all(line.startswith("    ") for line in lines[1:]))
    assert "Traceback (most recent call last):" in said


def test_fields_that_are_not_text_are_logged(logged):
    said = logged("json", "told", extra={"fields": {"path": Path("/x"), "n": 1.5, "none": None, "list": [1]}})
    line = json.loads(said)
    assert (line["path"], line["n"], line["none"], line["list"]) == ("/x", 1.5, None, [1])


# --- levels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "logged"),
    [({}, True), ({"LOG_REQUESTS": "false"}, False), ({"LOG_LEVEL": "warning"}, False)],
)
def test_log_level_and_log_requests_control_request_lines(settings, logged, start_process):
    service = start_process(**settings)
    service.send(b"GET /api/buckets/1 HTTP/1.1\r\nHost: x\r\n\r\n")
    service.process.terminate()
    assert service.process.wait(10) == 0
    said = [json.loads(line)["message"] for line in service.lines()]
    assert ("request" in said) == logged
    assert ("listening" in said) == (settings.get("LOG_LEVEL") != "warning")


# --- a log that cannot be written -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "how", ["the reader has gone", "the reader does not read", "the disk is full", "stderr is closed"]
)
def test_a_log_that_cannot_be_written_harms_no_request(how, start_process, tmp_path, request):
    """Requests succeed, objects are stored unchanged, and the service shuts down normally."""
    if how == "the reader has gone":
        reader, writer = os.pipe()
        service = start_process(stderr=writer, STORE="filesystem", STORE_PATH=tmp_path)
        os.close(writer)
        os.close(reader)
    elif how == "the reader does not read":
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        service = start_process(stderr=writer, STORE="filesystem", STORE_PATH=tmp_path)
        os.close(writer)
        request.addfinalizer(lambda: os.close(reader))
    elif how == "the disk is full":
        with Path("/dev/full").open("wb") as full:
            service = start_process(stderr=full, STORE="filesystem", STORE_PATH=tmp_path)
    else:
        close = ("sh", "-c", 'exec "$@" 2>&-', "sh")
        service = start_process(prefix=close, STORE="filesystem", STORE_PATH=tmp_path)
    for number in range(20):
        body = b"object %d" % number
        head = b"PUT /api/buckets/%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (number, len(body))
        assert service.send(head + body).startswith(b"HTTP/1.1 200 ")
        answer = service.send(b"GET /api/buckets/%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
        assert answer.endswith(b"\r\n\r\n" + body)
    service.process.terminate()
    assert service.process.wait(10) == 0
    # If stderr is closed, another file gets its descriptor number; no log line may end up there.
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"level" in file.read_bytes()]


def test_a_blocked_reader_of_the_log_does_not_block_the_service():
    """The log waits for it briefly, and only once; when it reads again, lines start at their beginning."""
    reader, writer = os.pipe()
    output = logs.Output(writer)
    first, torn, lost, last = (b"%d" % number + b"x" * 50_000 + b"\n" for number in range(4))
    output.write(first)
    waits = []
    for lines in (torn, lost, lost):
        started = time.monotonic()
        output.write(lines)
        waits.append(time.monotonic() - started)
    assert waits[0] >= logs.PATIENCE_SECONDS > sum(waits[1:])
    written = os.read(reader, 1_000_000)
    assert written.startswith(first)
    assert torn.startswith(written.removeprefix(first))
    assert len(first) < len(written) < len(first + torn)
    output.write(last)
    assert os.read(reader, 1_000_000) == b"\n" + last
    output.write(first)
    assert os.read(reader, 1_000_000) == first
    os.close(reader)
    os.close(writer)


class Echo(logs.Output):
    """An output during whose first write another request ends."""

    observe: Callable[[], None] | None = None

    def write(self, lines: bytes) -> None:
        observe, self.observe = self.observe, None
        if observe:
            observe()
        super().write(lines)


def test_a_request_logged_during_a_write_is_written_at_once(tmp_path):
    with (tmp_path / "log").open("wb") as file:
        output = Echo(file.fileno())
        log = logs.RequestLog(Config(), output)
        exchange = Exchange({"REQUEST_METHOD": "GET"})
        output.observe = lambda: log(exchange)
        log(exchange)
        wait_until(lambda: (tmp_path / "log").read_bytes().count(b"\n") == 2)
        started = time.monotonic()
        log.close()
        assert time.monotonic() - started < 0.5


def test_a_request_that_ends_during_the_last_write_is_logged(tmp_path):
    """The log is closed during a write, when another request has ended."""
    with (tmp_path / "log").open("wb") as file:
        output = Echo(file.fileno())
        log = logs.RequestLog(Config(), output)
        exchange = Exchange({"REQUEST_METHOD": "GET"})
        closing = threading.Thread(target=log.close)

        def end() -> None:
            log(exchange)
            closing.start()
            wait_until(lambda: log.closed)

        output.observe = end
        log(exchange)
        wait_until(lambda: log.closed)
        closing.join(5)
    assert (tmp_path / "log").read_bytes().count(b"\n") == 2


# --- cost -----------------------------------------------------------------------------------------------


def test_logging_a_request_takes_little_time(tmp_path):
    """CPU time of all threads from the end of a request to the file, in a unit that suits every machine.

    The unit is the time that the `json` module takes for such a line, about 2 us; 3 units were measured.
    """
    exchange = Exchange({"REQUEST_METHOD": "PUT", "REQUEST_URI": "/api/buckets/1", "REMOTE_ADDR": "::1"})
    exchange.status = 200
    number = 10_000
    ratios = []
    for run in range(7):
        path = tmp_path / str(run)
        with path.open("wb") as file:
            log = logs.RequestLog(Config(), logs.Output(file.fileno()))
            started = time.process_time()
            for _ in range(number):
                log(exchange)
            log.close(60)
            logged = time.process_time() - started
        lines = path.read_text().splitlines()
        assert len(lines) == number
        event = json.loads(lines[0])
        started = time.process_time()
        for _ in range(number):
            json.dumps(event)
        ratios.append(logged / (time.process_time() - started))
    assert min(ratios) < 6, ratios
