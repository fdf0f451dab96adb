"""Trace context of a request (W3C): read from `traceparent`, returned in `traceresponse`."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

HEADER = "traceresponse"
"""Response header that names the trace: version, trace id, id of our span, flags."""

SAMPLED = 1
"""Bit of the flags: the trace is recorded."""

_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)


class _Request(Protocol):
    environ: Mapping[str, Any]


class Parent(NamedTuple):
    """The caller's position in the trace; ids in lower-case hex, of 32 and 16 digits."""

    trace_id: str
    span_id: str
    flags: int


class TraceContext(NamedTuple):
    """The position of a request in its trace.

    trace_id: id of the trace, 32 digits of lower-case hex
    span_id: id of the request's span in this service, 16 digits
    sampled: the trace is recorded, by this service or, if it exports no spans, by the caller
    span: OpenTelemetry's span, if spans are exported
    """

    trace_id: str
    span_id: str
    sampled: bool
    span: Any = None

    @property
    def traceresponse(self) -> str:
        """The value of HEADER."""
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}"


def parent_of(environ: Mapping[str, Any]) -> Parent | None:
    """Parse the `traceparent` of a WSGI request; None if it has none or a malformed one.

    From versions after 00 the fields of version 00 are read ("Versioning of traceparent").
    """
    header = environ.get("HTTP_TRACEPARENT")
    if header is None:
        return None
    match = _TRACEPARENT.fullmatch(header)
    if match is None or (match[1] == "00" and match[5]):
        return None
    return Parent(match[2], match[3], int(match[4], 16))


def join(exchange: _Request) -> TraceContext | None:
    """Continue the caller's trace without recording a span; None if there is no valid `traceparent`."""
    if "HTTP_TRACEPARENT" not in exchange.environ:
        return None  # The usual case: keep it cheap.
    parent = parent_of(exchange.environ)
    if parent is None:
        return None
    span_id = random.getrandbits(64) or 1
    return TraceContext(parent.trace_id, f"{span_id:016x}", bool(parent.flags & SAMPLED))
