"""What is a request: stricter than waitress's parser, and never slower than the request is long."""

from __future__ import annotations

import re

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest

MAX_CHUNK_LINE_BYTES = 4096
"""Of a chunk's size with its extensions, which nothing here reads."""
MAX_TRAILER_BYTES = 65536
"""Of the fields after the last chunk, which nothing here reads."""

_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [^ ]+ HTTP/1\.[01]")
_INDENTED = re.compile(rb":[ \t]{32}")


class Parser(HTTPRequestParser):
    """A request that is being received.

    waitress's expressions take time by the square of what does not match them, and it copies anew what it
    waits for the end of: what would get there is refused before.
    """

    def parse_header(self, header_plus: bytes) -> None:
        """Read the request line and the fields; raises ParsingError for what is refused."""
        line, _, fields = header_plus.partition(b"\r\n")
        if not _REQUEST_LINE.fullmatch(line.rstrip()):
            raise ParsingError("a request begins with a method, a target and HTTP/1.1 or HTTP/1.0")
        if _INDENTED.search(fields):
            raise ParsingError("a header field's value is not indented")
        if b"\r\n " in header_plus or b"\r\n\t" in header_plus:
            raise ParsingError("a header field is one line")
        try:
            super().parse_header(header_plus)
        except ValueError:  # an address in brackets that is none, a number of thousands of digits
            raise ParsingError("the target or the Content-Length can't be read") from None
        if ambiguity := self._ambiguity():
            self.body_rcv = None
            raise ParsingError(ambiguity)

    def _ambiguity(self) -> str | None:
        """What another server on the way may have read in another way, if anything."""
        # In HTTP/1.0 it is left among the headers.
        if (self.chunked and "CONTENT_LENGTH" in self.headers) or "TRANSFER_ENCODING" in self.headers:
            return "a body has one length: Content-Length, or in HTTP/1.1 Transfer-Encoding"
        host = self.headers.get("HOST")
        if (host is None and self.version == "1.1") or (host and "," in host):  # Several arrive as a list.
            return "a request names one Host"
        return None

    def received(self, data: bytes) -> int:
        """Take what belongs to this request from the beginning of `data`; how many bytes that was."""
        consumed = super().received(data)
        body = self.body_rcv
        if not self.completed and isinstance(body, ChunkedReceiver):
            if len(body.control_line) > MAX_CHUNK_LINE_BYTES:
                self.error = BadRequest(f"a chunk's size is a line of at most {MAX_CHUNK_LINE_BYTES} bytes")
            elif len(body.trailer) > MAX_TRAILER_BYTES:
                self.error = BadRequest(f"a trailer has at most {MAX_TRAILER_BYTES} bytes")
            self.completed = self.error is not None
        return consumed
