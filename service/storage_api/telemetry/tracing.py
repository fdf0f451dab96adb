"""The trace of a request (W3C Trace Context): read from `traceparent`, told in `traceresponse`."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

HEADER = "traceresponse"
"""Header of a response that names the trace: the version, the trace's id, our span's id and the flags."""

SAMPLED = 1
"""The bit of the flags that says that the trace is recorded."""

_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)


class _Request(Protocol):
    environ: Mapping[str, Any]


class Parent(NamedTuple):
    """What a caller said: ids in lower-case hex, of 32 and 16 digits."""

    trace_id: str
    span_id: str
    flags: int


class TraceContext(NamedTuple):
    """Where a request is in its trace.

    trace_id: of the whole trace, 32 digits of lower-case hex
    span_id: of the request's handling here, 16 digits
    sampled: whether the trace is recorded: by us, or where we record none, by the caller
    span: what records it, where spans are exported
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
    """What the `traceparent` of a WSGI request says; None for none, and for one that is not well-formed.

    Of a version after 00 only the beginning is known, and taken ("Versioning of traceparent").
    """
    header = environ.get("HTTP_TRACEPARENT")
    if header is None:
        return None
    match = _TRACEPARENT.fullmatch(header)
    if match is None or (match[1] == "00" and match[5]):
        return None
    return Parent(match[2], match[3], int(match[4], 16))


def join(exchange: _Request) -> TraceContext | None:
    """The caller's trace, with nothing of ours recorded in it; None where there is none."""
    if "HTTP_TRACEPARENT" not in exchange.environ:
        return None  # As most, who shall not pay for more.
    parent = parent_of(exchange.environ)
    if parent is None:
        return None
    span_id = random.getrandbits(64) or 1
    return TraceContext(parent.trace_id, f"{span_id:016x}", bool(parent.flags & SAMPLED))
