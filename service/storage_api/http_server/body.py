"""Bodies while they are received: in memory at first, then where the store wants them."""

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
"""How much of a chunked body is parsed at a time, as the parser copies the rest of it for each chunk."""


class Body:
    """The bytes of a body; past `in_memory_bytes` they go to a file that `spool` makes, without it nowhere.

    Stands in for the server's own buffer, which would put them into a temporary file: a copy of all of them.
    """

    def __init__(self, in_memory_bytes: int, spool: Callable[[], BinaryIO] | None) -> None:
        self._in_memory_bytes = in_memory_bytes
        self._spool = spool
        self._length = 0
        self._file: BinaryIO = io.BytesIO()
        self.error: StoreError | None = None
        """Why the store does not take the body, if so."""

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
        """Keep nothing of it, now and later."""
        self._file.close()
        self._file = io.BytesIO()
        self._spool = None

    def getfile(self) -> BinaryIO:
        """The bytes, to be read from the first."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        self._file.close()


class Reception(Parser):
    """A request that is being received."""

    def __init__(
        self, adj: Adjustments, refusal: Refusal, spool: Callable[[], BinaryIO], max_body_bytes: int
    ) -> None:
        """A body has at most `max_body_bytes`, and a PUT's may go to a file that `spool` makes.

        Nothing is received of one that comes with a request for which `refusal` has a reason.
        """
        super().__init__(adj)
        self._refusal = refusal
        self._refused: Refused | None = None
        self._spool = spool
        self._max_body_bytes = max_body_bytes

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.body_rcv is not None:
            # What comes with another method is read by nobody.
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
    """Why a request is not served: a status, and a reason in words."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
