"""A client that sends raw requests and strictly checks every response."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tests.support.service.hostile import Script

ALLOWED = {200, 206, 304, 400, 401, 404, 405, 412, 413, 416, 431, 501}
"""The statuses that a hostile request may get; 501 is for transfer codings other than chunked."""
ENDING = {304, 400, 401, 413, 431, 501}
"""The statuses that may end a connection before its last request; 304 ends one of HTTP/1.0."""


class Answer(NamedTuple):
    status: int
    head: bytes
    body: bytes


class Client:
    """Sends scripts and counts the responses by status; `problems` describes every wrong response."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.sent = 0
        self.statuses: Counter[int] = Counter()
        self.problems: list[str] = []

    @property
    def answered(self) -> int:
        return self.statuses.total()

    def run(self, scripts: Iterator[Script]) -> None:
        for script in scripts:
            self.sent += len(script.requests)
            with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
                try:
                    connection.sendall(b"".join(request.data for request in script.requests))
                    if not script.abandoned:
                        self._check(script, read_all(connection))
                except OSError as error:
                    self.problems.append(f"{error!r} after {script.requests[-1].data[:200]}")

    def _check(self, script: Script, data: bytes) -> None:
        try:
            answers = list(parse(data, [request.method for request in script.requests]))
        except ValueError as error:
            self.problems.append(f"{error} in {data[-300:]} after {script.requests}"[:2000])
            return
        for request, answer in zip(script.requests, answers, strict=False):
            self.statuses[answer.status] += 1
            if reason := fault_of(answer):
                self.problems.append(
                    f"{reason}: {answer.head!r} {answer.body[:300]!r} to {request.data[:500]!r}"
                )
        if len(answers) < len(script.requests) and not (answers and ends(answers[-1])):
            self.problems.append(f"only {len(answers)} responses to {script.requests}"[:2000])


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(1 << 18):
        parts.append(part)
    return b"".join(parts)


def parse(data: bytes, methods: list[str]) -> Iterator[Answer]:
    """Parse the responses in `data`, at most one per entry of `methods`; raises ValueError if malformed."""
    start, methods = 0, iter(methods)
    while start < len(data):
        end = data.find(b"\r\n\r\n", start)
        head = data[start:end]
        if end < 0 or not re.match(rb"HTTP/1\.[01] [1-5]\d\d ", head):
            raise ValueError("not an HTTP response")
        start = end + 4
        status = int(head[9:12])
        if status == 100:
            continue
        method = next(methods, None)
        if method is None:
            raise ValueError("more responses than requests")
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        # A request refused before it was parsed gets a response with a body, even if its method was HEAD.
        if status in (204, 304) or (method == "HEAD" and data[start : start + 5] in (b"", b"HTTP/")):
            size = 0
        elif length:
            size = int(length[1])
        else:
            raise ValueError("response without Content-Length")
        body = data[start : start + size]
        if len(body) < size:
            raise ValueError("incomplete response")
        start += size
        yield Answer(status, head, body)


def ends(answer: Answer) -> bool:
    """Tell if the server may leave all later requests on the connection unanswered."""
    return answer.status in ENDING and b"\r\nConnection: close" in answer.head


def fault_of(answer: Answer) -> str | None:
    """Return the reason why a response to a hostile request is wrong; None if it is right."""
    if answer.status not in ALLOWED:
        return "unexpected status"
    if b"\r\nX-Content-Type-Options: nosniff" not in answer.head:
        return "no X-Content-Type-Options: nosniff"
    if b"\r\nX-Injected" in answer.head:
        return "injected header"
    if answer.status >= 400 and answer.body:
        if b"\r\nContent-Type: application/json" not in answer.head:
            return "error body is not JSON"
        if not json.loads(answer.body)["error"]:
            return "error body has no error"
    return None
