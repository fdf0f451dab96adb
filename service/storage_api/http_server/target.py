"""Which request targets and hosts are served (RFC 9112, 3.2). What is not valid is refused, never repaired.

Repairing names another resource: without what follows `#`, `/api/buckets/invoice#2` is the object `invoice`.
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
# Two slashes at the beginning are read as the beginning of a host where the target is taken for a reference.
_ORIGIN = re.compile(r"/(?!/)(?:[!\"$&-~]|%[0-9A-Fa-f]{2})*+")
# A comma is allowed in a name (RFC 3986, 3.2.2), but here it comes from several fields that were joined.
_HOST = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+)\]|(?:[0-9A-Za-z\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})++)(?::([0-9]{0,5}))?"
)
_ENCODED_SLASH = re.compile("%2[Ff]")


def split(target: str) -> tuple[str | None, str] | None:
    """The host of an absolute `target` (else None), and its path with the query; None: it is refused."""
    host, origin = None, target
    if absolute := _ABSOLUTE.match(target):
        host, origin = absolute[1], target[absolute.end() :]
        if not is_host(host):
            return None
        if not origin.startswith("/"):  # The path of http://example.org is / (RFC 9110, 4.2.3).
            origin = "/" + origin
    return (host, origin) if _ORIGIN.fullmatch(origin) else None


def decoded(path: str) -> str:
    """`path` percent-decoded, as WSGI's latin-1 text, but with each encoded slash as "%2F".

    It is part of a segment, and not the end of one (RFC 3986, 2.2): /api%2Fbuckets/1 is not /api/buckets/1.
    """
    return unquote_to_bytes(_ENCODED_SLASH.sub("%252F", path)).decode("latin-1")


def is_host(value: str) -> bool:
    """Whether `value` is `uri-host [":" port]` (RFC 9110, 7.2) that is not empty."""
    match = _HOST.fullmatch(value)
    if match is None or int(match[2] or 0) > 65535:
        return False
    if match[1]:
        try:
            ipaddress.IPv6Address(match[1])
        except ValueError:
            return False
    return True
