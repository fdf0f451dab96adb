"""Authorization by bearer tokens (RFC 6750)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, abort, request

from storage_api import routes
from storage_api.telemetry.exchange import REFUSED

OPEN_PATHS = routes.paths(open=True)
"""Paths that need no token: probes and scrapers have none."""
MAX_FILE_BYTES = 1024 * 1024
"""A larger file is refused: it can hardly be a list of tokens."""

# RFC 6750, section 2.1
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
_CREDENTIALS = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]+=*)")

Refusal = Callable[[str, str | None], str | None]
"""`(path, Authorization header or None)` to the reason for refusing the request; None if it is allowed."""

log = logging.getLogger(__name__)


class TokensError(Exception):
    """A tokens file that cannot be used: one line with the reason, which quotes nothing from the file."""


class Tokens:
    """The tokens in a file, one per line; the file is read again whenever it changes.

    If it is missing or invalid then, the last valid tokens stay in use, and this is logged once.
    """

    def __init__(self, file: Path) -> None:
        """Read `file`; raises TokensError."""
        self._file = file
        self._lock = threading.Lock()
        self._version = self._stat()
        self._digests = self._read()

    def refusal(self, path: str, authorization: str | None) -> str | None:
        """The reason for refusing a request for `path` with this Authorization header; None if allowed."""
        if path in OPEN_PATHS:
            return None
        self._renew()
        if authorization is None:
            return "a token is required, as 'Authorization: Bearer <token>'"
        credentials = _CREDENTIALS.fullmatch(authorization)
        if credentials is None:
            return "the header must have the form 'Authorization: Bearer <token>'"
        digest = hashlib.sha256(credentials[1].encode()).digest()
        # Compare all of them: the time taken must not reveal which one matched, or how much of it.
        if not sum([hmac.compare_digest(digest, known) for known in self._digests]):
            return "the token is not valid"
        return None

    def _renew(self) -> None:
        version = self._stat()
        if version == self._version:
            return
        with self._lock:
            if version == self._version:
                return  # Another thread has just read it.
            self._version = version
            try:
                self._digests = self._read()
            except TokensError as error:
                log.error("the last valid tokens stay in use: %s", error)
            else:
                log.info("%d token(s) read from AUTH_TOKENS_FILE", len(self._digests))

    def _stat(self) -> tuple[int, ...] | None:
        # Follow symbolic links: Kubernetes updates a mounted Secret by swapping one.
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _read(self) -> tuple[bytes, ...]:
        try:
            # Non-blocking: opening a pipe would wait for a writer that may never come.
            descriptor = os.open(self._file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise self._error("it is not a regular file")
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise self._error(os.strerror(error.errno)) from None
        if len(content) > MAX_FILE_BYTES:
            raise self._error(f"it has more than {MAX_FILE_BYTES} bytes")
        lines = [line.strip() for line in content.split(b"\n")]
        for number, line in enumerate(lines, 1):
            if line and not _TOKEN.fullmatch(line):
                raise self._error(f"line {number} is not a token (A-Z a-z 0-9 . _ ~ + / - and = at the end)")
        if not any(lines):
            raise self._error("it contains no token")
        return tuple(hashlib.sha256(line).digest() for line in lines if line)

    def _error(self, reason: str) -> TokensError:
        # A path that does not exist may be a token, set by mistake instead of a file: do not show it.
        shown = self._file if self._file.is_absolute() or self._file.exists() else "***"
        return TokensError(f"AUTH_TOKENS_FILE={shown}: {reason}")


def install(app: Flask, tokens: Tokens) -> None:
    """Answer 401 to each request that needs one of `tokens` and has none, before any other error."""

    @app.before_request
    def authenticate() -> None:
        reason = tokens.refusal(request.path, request.headers.get("Authorization"))
        if reason is not None:
            # As if the server's parser had refused it: a 401 must not reveal which routes exist.
            request.environ[REFUSED] = (401, reason)
            abort(401, reason)

    @app.after_request
    def challenge(response: Response) -> Response:
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response
