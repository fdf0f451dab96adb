"""Conditional requests (RFC 9110, 13.1): If-Match and If-None-Match.

Conditions on dates are ignored: stores keep no dates.
"""

from __future__ import annotations

import re

from werkzeug.datastructures import ETags, Headers
from werkzeug.http import parse_etags

from .errors import BadInput

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"\*|[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")


class Conditions:
    """A request's conditions on the stored object; false if it has none."""

    def __init__(self, headers: Headers) -> None:
        """Read `headers`; raises BadInput for a value that is not a list of etags."""
        self._match = _tags(headers, "If-Match")
        self._none_match = _tags(headers, "If-None-Match")

    def __bool__(self) -> bool:
        return not (self._match is None and self._none_match is None)

    def allow_change(self, etag: str | None) -> bool:
        """True if an object with `etag` may be changed, or (`etag` is None) a new one created."""
        return self._matches(etag) and not self._is_known(etag)

    def status(self, etag: str) -> int:
        """The status for reading an object with `etag`: 200, 304 or 412."""
        if not self._matches(etag):
            return 412
        return 304 if self._is_known(etag) else 200

    def _matches(self, etag: str | None) -> bool:
        return self._match is None or (etag is not None and self._match.contains(etag))

    def _is_known(self, etag: str | None) -> bool:
        return self._none_match is not None and etag is not None and self._none_match.contains_weak(etag)


def _tags(headers: Headers, name: str) -> ETags | None:
    value = headers.get(name)
    if value is None:
        return None
    # The parser skips what it cannot read; a condition must not get lost like that.
    if not _TAGS.fullmatch(value):
        raise BadInput(name, f'{name} must be * or a list of etags in quotes, such as "abc"')
    return parse_etags(value)
