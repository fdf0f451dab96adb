"""Validation of request targets and hosts (RFC 9112, 3.2). Invalid ones are refused, never repaired.

A repaired target may name another resource: `/api/buckets/invoice#2` without `#2` is the object `invoice`.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote_to_bytes

TARGET_RULE = (
    "a request target is a path that begins with a single /, or an http or https URL with a valid host,"
    " in printable ASCII without #, and with % only before two hexadecimal digits"
)
HOST_RULE = "a request has one Host: a name, an IPv4 address or an IPv6 address in [], then :port if needed"

_ABSOLUTE = re.compile(r"(?i:https?)://([^/?]*)")
# Two slashes at the beginning start a host where a target is parsed as a URI reference.
_ORIGIN = re.compile(r"/(?!/)(?:[!\"$&-~]|%[0-9A-Fa-f]{2})*+")
# RFC 3986, 3.2.2 allows a comma in a name, but here it shows that waitress has joined several Host fields.
_HOST = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+)\]|(?:[0-9A-Za-z\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})++)(?::([0-9]{0,5}))?"
)
_ENCODED_SLASH = re.compile("%2[Ff]")


def split(target: str) -> tuple[str | None, str] | None:
    """The host (None unless `target` is a URL) and the path with the query; None if `target` is refused."""
    host, origin = None, target
    if absolute := _ABSOLUTE.match(target):
        host, origin = absolute[1], target[absolute.end() :]
        if not is_host(host):
            return None
        if not origin.startswith("/"):  # The path of http://example.org is / (RFC 9110, 4.2.3).
            origin = "/" + origin
    return (host, origin) if _ORIGIN.fullmatch(origin) else None


def decoded(path: str) -> str:
    """`path` percent-decoded to WSGI's latin-1 text, except for encoded slashes, which become "%2F".

    An encoded slash does not separate segments (RFC 3986, 2.2): /api%2Fbuckets/1 is not /api/buckets/1.
    """
    return unquote_to_bytes(_ENCODED_SLASH.sub("%252F", path)).decode("latin-1")


def is_host(value: str) -> bool:
    """True if `value` is a non-empty `uri-host [":" port]` (RFC 9110, 7.2)."""
    match = _HOST.fullmatch(value)
    if match is None or int(match[2] or 0) > 65535:
        return False
    if match[1]:
        try:
            ipaddress.IPv6Address(match[1])
        except ValueError:
            return False
    return True
