"""Probes and scrapes get responses even if the store, a server or a disk, never answers."""

from __future__ import annotations

import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from storage_api.api import readiness
from storage_api.api.app import create_app
from storage_api.api.readiness import WAIT_SECONDS, Readiness
from storage_api.config import Config
from storage_api.http_server.server import Server
from storage_api.stores import FilesystemStore, StoreError, StoreFull
from tests.support.waiting import wait_until

POLLERS = 24
PROMPT_SECONDS = 0.5
"""Maximum duration of a response that waits for nothing, on an idle machine."""
SILENT = "the store does not answer"


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def timed(service, target: str) -> tuple[float, int, object]:
    """Return the seconds until the response, its status, and its reason if any."""
    began = time.monotonic()
    answer = service.request("GET", target)
    reason = answer.json.get("reason") if target == "/readyz" else None
    return time.monotonic() - began, answer.status, reason


@contextmanager
def polled(service, target: str, pollers: int, pause: float) -> Iterator[list[tuple[float, int, object]]]:
    """Poll a target with some threads while the block runs; yield the list of responses."""
    answers: list[tuple[float, int, object]] = []
    done = threading.Event()

    def poll() -> None:
        while not done.is_set():
            answers.append(timed(service, target))
            done.wait(pause)

    with ThreadPoolExecutor(pollers) as pool:
        polling: list[Future[None]] = [pool.submit(poll) for _ in range(pollers)]
        try:
            yield answers
        finally:
            done.set()
        for one in polling:
            one.result()


def assert_watched(service, healthy) -> None:
    """Check for some seconds that liveness and scrapes respond at once, and readiness within its timeout.

    `healthy` is another service. The time that its responses need at the same moments is what this machine
    needs, busy as it is, so the limits grow with it.
    """
    watched: list[tuple[float, int, object]] = []
    with polled(healthy, "/healthz", 1, 0.01) as usual, polled(service, "/readyz", POLLERS, 0.1) as answers:
        deadline = time.monotonic() + WAIT_SECONDS + 1
        while time.monotonic() < deadline:
            watched += [timed(service, target) for target in ("/healthz", "/metrics", "/api/metrics")]
    prompt = PROMPT_SECONDS + 2 * slowest(usual)
    assert {status for _, status, _ in watched} == {200}
    assert slowest(watched) < prompt
    assert len(answers) > 2 * POLLERS
    assert {answer[1:] for answer in answers} == {(503, SILENT)}
    assert slowest(answers) < WAIT_SECONDS + prompt


def slowest(answers: list[tuple[float, int, object]]) -> float:
    return max(seconds for seconds, *_ in answers)


def test_an_object_store_that_never_answers_blocks_no_probe(start, service, silent_server):
    settings = {"STORE": "s3", "STORE_S3_BUCKET": "silent", "STORE_S3_ENDPOINT": silent_server}
    silent = start(**settings, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")  # noqa: S106 - no secret
    assert_watched(silent, service)
    # One line per check, not per request.
    reasons = [line["reason"] for line in silent.log if line["message"] == "not ready"]
    assert 1 <= len(reasons) <= 4
    assert reasons[0] == "the store has not answered its check for 2 s"
    silent.signal(signal.SIGTERM)
    assert silent.process.wait(10) == 0


class InProcess:
    """A server in this process, with the same `request` method as `Service`."""

    def __init__(self, port: int, request) -> None:
        self.port = port
        self.request = lambda method, target: request(self, method, target)


@pytest.fixture
def in_process(tmp_path, service) -> Iterator[InProcess]:
    """A service on the filesystem store in this process, so that its system calls can be made to hang."""
    config = Config(host="127.0.0.1", port=0, log_requests=False, shutdown_timeout_seconds=5)
    with closing(FilesystemStore(tmp_path / "data")) as store:
        server = Server(create_app(config, store), config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield InProcess(server.port, type(service).request)
        finally:
            server.stop()
            thread.join(20)
            assert not thread.is_alive()


def test_a_disk_that_never_answers_blocks_no_probe(in_process, service, monkeypatch):
    released = threading.Event()
    calls = []

    def hang(_path):
        calls.append(threading.current_thread())
        released.wait(60)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "disk_usage", hang)
    before = threading.active_count()
    try:
        assert_watched(in_process, service)
        assert len(calls) == 1, "one check at a time"
        assert threading.active_count() == before + 1
        # Threads of the API are free.
        assert in_process.request("GET", "/api/buckets").status == 200
    finally:
        released.set()
        monkeypatch.undo()
    wait_until(lambda: in_process.request("GET", "/readyz").status == 200)


# --- single flight ----------------------------------------------------------------------------------


def ask(state: Readiness, times: int) -> list[str | None]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: state.reason(), range(times)))


def test_concurrent_requests_share_a_check(monkeypatch):
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.5)
    calls = []

    def check() -> None:
        calls.append(time.monotonic())
        time.sleep(0.2)  # so slow that all requests come while it runs

    state = Readiness(check)
    assert ask(state, 20) == [None] * 20
    assert state.reason() is None
    assert len(calls) == 1
    time.sleep(0.6)  # until the answer is no longer fresh
    assert ask(state, 20) == [None] * 20
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreFull("/data: 0 bytes are free"), "the disk is full"),
        (StoreError("/data: gone"), "the store is unavailable"),
        (RuntimeError("a mistake of ours"), "the store is unavailable"),
    ],
)
def test_a_failed_check_gives_a_reason_and_one_log_line(error, reason, caplog):
    def check() -> None:
        raise error

    assert ask(Readiness(check), 5) == [reason] * 5
    assert len(caplog.records) == 1


def test_no_check_starts_while_another_hangs(monkeypatch, caplog):
    """No second check starts, however many requests come; when it returns, its result counts."""
    monkeypatch.setattr(readiness, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.1)
    released, calls = threading.Event(), []

    def check() -> None:
        calls.append(1)
        released.wait(20)

    state = Readiness(check)
    before = threading.active_count()
    for _ in range(3):
        assert ask(state, 10) == [SILENT] * 10
        time.sleep(0.15)
    assert (len(calls), threading.active_count()) == (1, before + 1)
    assert len(caplog.records) == 1
    released.set()
    wait_until(lambda: state.reason() is None)
