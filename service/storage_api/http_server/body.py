"""Receiving request bodies: small ones in memory, large ones straight into the store's own file."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

from waitress.adjustments import Adjustments
from waitress.utilities import Error, RequestEntityTooLarge

from storage_api.api.auth import Refusal
from storage_api.api.errors import of_store
from storage_api.stores import StoreError

from .parser import Parser

STEP_BYTES = 8192
"""Most bytes of a chunked body given to waitress's parser at once: it copies all the rest for each chunk."""


class Body:
    """The bytes of a body: in memory, and once there are more than `in_memory_bytes`, in a file from `spool`.

    Without a `spool` the bytes are counted and dropped. Replaces waitress's buffer, whose temporary file the
    store would have to copy.
    """

    def __init__(self, in_memory_bytes: int, spool: Callable[[], BinaryIO] | None) -> None:
        self._in_memory_bytes = in_memory_bytes
        self._spool = spool
        self._length = 0
        self._file: BinaryIO = io.BytesIO()
        self.error: StoreError | None = None
        """The store's reason for not taking the body, such as a full disk."""

    def __len__(self) -> int:
        return self._length

    def append(self, data: bytes) -> None:
        before, self._length = self._length, self._length + len(data)
        if self._spool is None:
            return
        try:
            if before <= self._in_memory_bytes < self._length:
                received = self._file.getvalue()
                self._file = self._spool()
                self._file.write(received)
            self._file.write(data)
        except StoreError as error:
            self.error = error

    def drop(self) -> None:
        """Drop what was received, and whatever is still to come."""
        self._file.close()
        self._file = io.BytesIO()
        self._spool = None

    def getfile(self) -> BinaryIO:
        """The file, positioned at its first byte."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        self._file.close()


class Reception(Parser):
    """A request that is being received, and the limits that its body has to keep."""

    def __init__(
        self, adj: Adjustments, refusal: Refusal, spool: Callable[[], BinaryIO], max_body_bytes: int
    ) -> None:
        """Receive a body of at most `max_body_bytes`; that of a PUT goes to a file from `spool` when large.

        A request for which `refusal` has a reason is answered 401, and its body is not received.
        """
        super().__init__(adj)
        self._refusal = refusal
        self._refused: Refused | None = None
        self._spool = spool
        self._max_body_bytes = max_body_bytes

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.body_rcv is not None:
            # No handler reads the body of another method.
            spool = self._spool if self.command == "PUT" else None
            self.body_rcv.buf = Body(self.adj.inbuf_overflow, spool)
            if reason := self._refusal(self.path, self.headers.get("AUTHORIZATION")):
                self._refused = Refused(401, reason)

    def received(self, data: bytes) -> int:
        consumed = super().received(data[:STEP_BYTES] if self.chunked else data)
        if self.body_rcv is not None:
            body = self.body_rcv.buf
            if self.error is None and self._refused:
                self.error = self._refused
            elif self.error is None and max(self.content_length, len(body)) > self._max_body_bytes:
                self.error = RequestEntityTooLarge("")
            elif self.error is None and body.error:
                self.error = Refused(*of_store(body.error))
            if self.error:
                self.completed = True
                body.drop()
        return consumed


class Refused(Error):
    """The answer to a request that is not served: a status and a reason, such as 507 "the store is full"."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
