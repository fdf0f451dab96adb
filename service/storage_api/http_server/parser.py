"""What is a request: stricter than waitress's parser, and never slower than the request is long."""

from __future__ import annotations

import re

from waitress import receiver
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest

from . import target

MAX_CHUNK_LINE_BYTES = 4096
"""Of a chunk's size with its extensions, which nothing here reads."""
MAX_TRAILER_BYTES = 65536
"""Of the fields after the last chunk, which nothing here reads."""

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

    waitress's expressions take time by the square of what does not match them, and it copies anew what it
    waits for the end of: what would get there is refused before.
    """

    # Until parse_header has come to them, or when it never does because the request is refused.
    command = "_OTHER"
    path = query = request_uri = ""
    url_scheme = "http"

    def parse_header(self, header_plus: bytes) -> None:
        """Read the request line and the fields; raises ParsingError for what is refused."""
        line, _, fields = header_plus.partition(b"\r\n")
        request = _REQUEST_LINE.fullmatch(line.rstrip())
        if not request:
            raise ParsingError("a request begins with a method, a target and HTTP/1.1 or HTTP/1.0")
        # Known from here on, so that the log has them also when the request is refused.
        self.command, self.request_uri, self.version = (part.decode("latin-1") for part in request.groups())
        split = target.split(self.request_uri)
        if split is None:
            raise ParsingError(target.TARGET_RULE)
        if _INDENTED.search(fields):
            raise ParsingError("a header field's value is not indented")
        if b"\r\n " in header_plus or b"\r\n\t" in header_plus:
            raise ParsingError("a header field is one line")
        try:
            super().parse_header(header_plus)
        except ValueError:  # a number of thousands of digits
            raise ParsingError("the Content-Length can't be read") from None
        if reason := self._fault(_TRANSFER_ENCODING.findall(fields)):
            self.body_rcv = None
            raise ParsingError(reason)
        host, self.request_uri = split
        if "%" in self.request_uri:
            self.path = target.decoded(self.request_uri.partition("?")[0])
        if host is not None:  # It counts instead of the field Host (RFC 9112, 3.2.2).
            self.headers["HOST"] = host
        self._read_lists()

    def _fault(self, codings: list[bytes]) -> str | None:
        """Why the request is refused, if it is: another server on the way may have read it in another way."""
        if codings and (
            [coding.strip(b" \t").lower() for coding in codings] != [b"chunked"]
            or self.version == "1.0"
            or "CONTENT_LENGTH" in self.headers
        ):
            return "a body has one length: Content-Length, or in HTTP/1.1 Transfer-Encoding: chunked"
        host = self.headers.get("HOST")
        # Several fields are one here, joined by a comma.
        if self.version == "1.1" if host is None else not target.is_host(host):
            return target.HOST_RULE
        return None

    def _read_lists(self) -> None:
        """Read the fields that are lists; waitress compares the whole value with the word it looks for."""
        if connection := self.headers.get("CONNECTION"):
            options = _members(connection)
            # The first one wins (RFC 9112, 9.3).
            decisive = next((option for option in ("close", "keep-alive") if option in options), connection)
            self.headers["CONNECTION"] = decisive
        expect = self.headers.get("EXPECT")
        # A request without a body is complete: asking for more of it would take the next one for its rest.
        has_body = self.body_rcv is not None and self.version == "1.1"
        self.expect_continue = bool(expect and has_body and "100-continue" in _members(expect))

    def received(self, data: bytes) -> int:
        """Take what belongs to this request from the beginning of `data`; how many bytes that was."""
        consumed = super().received(data)
        body = self.body_rcv
        if isinstance(body, ChunkedReceiver) and self.error is None:
            if len(body.control_line) > MAX_CHUNK_LINE_BYTES:
                self.error = BadRequest(f"a chunk's size is a line of at most {MAX_CHUNK_LINE_BYTES} bytes")
            elif len(body.trailer) > MAX_TRAILER_BYTES:
                self.error = BadRequest(f"a trailer has at most {MAX_TRAILER_BYTES} bytes")
            elif _LINE_FEED.search(body.trailer):  # To others it may end the trailer.
                self.error = BadRequest("each line of a trailer ends with CR LF")
            self.completed = self.completed or self.error is not None
        return consumed


def _members(value: str) -> set[str]:
    """The members of a field that is a list of words, in lower case."""
    return {member.strip(" \t").lower() for member in value.split(",")}
