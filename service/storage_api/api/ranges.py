"""Parts of an object (RFC 9110, 14): one range of bytes; what is more, or no range, means the whole."""

from __future__ import annotations

from typing import NamedTuple

from werkzeug.datastructures import Headers
from werkzeug.http import parse_range_header, quote_etag

from storage_api.stores import Object


class Part(NamedTuple):
    """A status and the bytes that go with it, from the first to before the last; none when both are 0."""

    status: int
    first: int = 0
    end: int = 0


def part(headers: Headers, found: Object) -> Part:
    """What of `found` is asked for: all of it (200), some (206) or what it has not (416)."""
    whole = Part(200, 0, found.size)
    quoted = quote_etag(found.etag)
    # The same means: a strong etag, and ours. A date never is, as none is sent.
    if headers.get("If-Range", quoted) != quoted:
        return whole
    asked = parse_range_header(headers.get("Range"))
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return whole
    ((first, end),) = asked.ranges
    if first < 0:  # That many at the end.
        if not found.size:
            return whole  # Those are all, and no Content-Range can say so.
        first, end = max(0, found.size + first), found.size
    else:
        end = found.size if end is None else min(end, found.size)
    return Part(206, first, end) if first < end else Part(416)
