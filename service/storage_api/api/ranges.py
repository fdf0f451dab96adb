"""Range requests (RFC 9110, 14): one range of bytes; several, or an invalid one, mean the whole object."""

from __future__ import annotations

from typing import NamedTuple

from werkzeug.datastructures import Headers
from werkzeug.http import parse_range_header, quote_etag

from storage_api.stores import Object


class Part(NamedTuple):
    """A status and the bytes to send with it, from `first` to before `end`; none if both are 0."""

    status: int
    first: int = 0
    end: int = 0


def part(headers: Headers, found: Object) -> Part:
    """The part of `found` that is asked for: all of it (200), a range (206) or one outside of it (416)."""
    whole = Part(200, 0, found.size)
    quoted = quote_etag(found.etag)
    # Only our own strong etag means that the object is unchanged; a date never does, as we send none.
    if headers.get("If-Range", quoted) != quoted:
        return whole
    asked = parse_range_header(headers.get("Range"))
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return whole
    ((first, end),) = asked.ranges
    if first < 0:  # A suffix range: the last -first bytes.
        if not found.size:
            return whole  # Content-Range cannot describe a range of no bytes.
        first, end = max(0, found.size + first), found.size
    else:
        end = found.size if end is None else min(end, found.size)
    return Part(206, first, end) if first < end else Part(416)
