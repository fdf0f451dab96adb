"""The storage API as a real process, and an HTTP client that can also send raw bytes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from lab import ROOT

SERVICE = ROOT / "service"
START_SECONDS = 20


class Answer(NamedTuple):
    """An HTTP response: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        assert self.headers["content-type"] == "application/json", self
        return json.loads(self.body)


class Service:
    """A running `python -m storage_api`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        listening = self._wait_for_start()
        self.port: int = listening["port"]
        self.metrics_port: int = listening["metrics_port"]

    def _wait_for_start(self) -> dict:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for line in self.log:
                if line.get("message") == "listening":
                    return line
            assert self.process.poll() is None, f"exited at start: {self._log.read_text()}"
            time.sleep(0.02)
        raise AssertionError(f"not listening after {START_SECONDS} s: {self._log.read_text()}")

    @property
    def log(self) -> list[dict]:
        """The log lines so far; fails if a complete line is not JSON."""
        return [
            json.loads(line) for line in self._log.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]

    def request(
        self, method: str, target: str, body: bytes | None = None, *, port: int | None = None, **headers: str
    ) -> Answer:
        """Send one request on a new connection, to the API by default; header names have `_` for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, named)
            return read_answer(connection.getresponse())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, data: bytes) -> Answer:
        """Send bytes as they are, all of them before reading, as simple clients do; read one response."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_raw(connection)

    def samples(self, prefix: str = "") -> dict[tuple[str, ...], float]:
        """Return `/metrics` as {(name, path, method, status): value}, names that start with `prefix` only."""
        text = self.request("GET", "/metrics", port=self.metrics_port).body.decode()
        return {
            (
                sample.name,
                *(sample.labels.get(label, "") for label in ("path", "method", "status")),
            ): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.startswith(prefix) and "le" not in sample.labels
        }

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)


def read_answer(response: http.client.HTTPResponse) -> Answer:
    return Answer(
        response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    )


def read_raw(connection: socket.socket) -> Answer:
    with http.client.HTTPResponse(connection) as response:
        response.begin()
        return read_answer(response)


def environment(**settings: object) -> dict[str, str]:
    """The environment of a service on a free loopback port."""
    inherited = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    own = {"PYTHONPATH": str(SERVICE), "HOST": "127.0.0.1", "PORT": "0", "PYTHONWARNINGS": "error"}
    return inherited | own | {name: str(value) for name, value in settings.items()}


def run_to_end(command: Sequence[str | Path], settings: dict[str, object]) -> tuple[int, str]:
    """Run a command until it exits; return its exit status and what it wrote to stderr."""
    done = subprocess.run(
        command, env=environment(**settings), capture_output=True, text=True, timeout=20, check=False
    )
    assert not done.stdout
    return done.returncode, done.stderr
