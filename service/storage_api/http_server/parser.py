"""Parsing requests: stricter than waitress's parser, in time proportional to the length of the request."""

from __future__ import annotations

import re

from waitress import receiver
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest

from . import target

MAX_CHUNK_LINE_BYTES = 4096
"""Limit on a chunk's size line with its extensions, which are ignored."""
MAX_TRAILER_BYTES = 65536
"""Limit on the fields after the last chunk, which are ignored."""

_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ ]+) HTTP/(1\.[01])")
_INDENTED = re.compile(rb":[ \t]{32}")
_LINE_FEED = re.compile(rb"(?<!\r)\n")
_TRANSFER_ENCODING = re.compile(rb"(?im)^transfer-encoding:([^\r\n]*)")


def _strict(pattern: re.Pattern[bytes]) -> re.Pattern[bytes]:
    r"""`pattern` with \Z instead of $, which allows a line feed at the end: a new line to other parsers."""
    return re.compile(pattern.pattern.removesuffix(b"$") + rb"\Z")


receiver.ONLY_HEXDIG_RE = _strict(receiver.ONLY_HEXDIG_RE)
receiver.CHUNK_EXT_RE = _strict(receiver.CHUNK_EXT_RE)


class Parser(HTTPRequestParser):
    """A request that is being received.

    waitress's regular expressions are quadratic on malformed input, and so is its copying of a line or a
    trailer that does not end: both are refused first.
    """

    # For requests that are refused before parse_header sets these.
    command = "_OTHER"
    path = query = request_uri = ""
    url_scheme = "http"

    def parse_header(self, header_plus: bytes) -> None:
        """Read the request line and the header fields; raises ParsingError if the request is refused."""
        line, _, fields = header_plus.partition(b"\r\n")
        request = _REQUEST_LINE.fullmatch(line.rstrip())
        if not request:
            raise ParsingError("a request begins with a method, a target and HTTP/1.1 or HTTP/1.0")
        # Set before the checks below, so that the log has them for refused requests too.
        self.command, self.request_uri, self.version = (part.decode("latin-1") for part in request.groups())
        split = target.split(self.request_uri)
        if split is None:
            raise ParsingError(target.TARGET_RULE)
        if _INDENTED.search(fields):
            raise ParsingError("a header field's value has fewer than 32 spaces before it")
        if b"\r\n " in header_plus or b"\r\n\t" in header_plus:
            raise ParsingError("a header field must be on one line")
        try:
            super().parse_header(header_plus)
        except ValueError:  # int() refuses a number of more than 4300 digits
            raise ParsingError("the Content-Length has too many digits") from None
        if reason := self._fault(_TRANSFER_ENCODING.findall(fields)):
            self.body_rcv = None
            raise ParsingError(reason)
        host, self.request_uri = split
        if "%" in self.request_uri:
            self.path = target.decoded(self.request_uri.partition("?")[0])
        if host is not None:  # The host of an absolute target overrides the field Host (RFC 9112, 3.2.2).
            self.headers["HOST"] = host
        self._read_lists()

    def _fault(self, codings: list[bytes]) -> str | None:
        """The reason to refuse a request whose length or host a proxy might read differently, else None."""
        if codings and (
            [coding.strip(b" \t").lower() for coding in codings] != [b"chunked"]
            or self.version == "1.0"
            or "CONTENT_LENGTH" in self.headers
        ):
            return "a body has exactly one length: Content-Length, or in HTTP/1.1 Transfer-Encoding: chunked"
        host = self.headers.get("HOST")
        # waitress joins repeated fields with a comma, so is_host refuses two of them too.
        if self.version == "1.1" if host is None else not target.is_host(host):
            return target.HOST_RULE
        return None

    def _read_lists(self) -> None:
        """Read Connection and Expect as lists; waitress compares their whole value with a single word."""
        if connection := self.headers.get("CONNECTION"):
            options = _members(connection)
            # `close` takes precedence over `keep-alive` (RFC 9112, 9.3).
            decisive = next((option for option in ("close", "keep-alive") if option in options), connection)
            self.headers["CONNECTION"] = decisive
        expect = self.headers.get("EXPECT")
        # Without a body the request is complete: after 100 Continue the next request would pass for its body.
        has_body = self.body_rcv is not None and self.version == "1.1"
        self.expect_continue = bool(expect and has_body and "100-continue" in _members(expect))

    def received(self, data: bytes) -> int:
        """Consume the beginning of `data` that belongs to this request; returns the number of bytes."""
        consumed = super().received(data)
        body = self.body_rcv
        if isinstance(body, ChunkedReceiver) and self.error is None:
            if len(body.control_line) > MAX_CHUNK_LINE_BYTES:
                self.error = BadRequest(f"a chunk's size is a line of at most {MAX_CHUNK_LINE_BYTES} bytes")
            elif len(body.trailer) > MAX_TRAILER_BYTES:
                self.error = BadRequest(f"a trailer has at most {MAX_TRAILER_BYTES} bytes")
            elif _LINE_FEED.search(body.trailer):  # Other parsers may take it for the end of the trailer.
                self.error = BadRequest("each line of a trailer ends with CR LF")
            self.completed = self.completed or self.error is not None
        return consumed


def _members(value: str) -> set[str]:
    """The members of a comma-separated list, in lower case."""
    return {member.strip(" \t").lower() for member in value.split(",")}
