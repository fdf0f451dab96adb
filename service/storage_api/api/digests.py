"""Digests of a body that the client sends with it: Content-Digest and Repr-Digest (RFC 9530), which are the
same of an object that is put as a whole, and the older Digest (RFC 3230) and Content-MD5 (RFC 1864).
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import BinaryIO

from werkzeug.datastructures import Headers

from .errors import BadInput

ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5"}
"""{name in the fields: hashlib's}"""

_BASE64 = r"([0-9A-Za-z+/]+={0,2})"
_OF_FIELD = {
    "Content-Digest": re.compile(rf"([a-z0-9*_.-]+)=:{_BASE64}:"),
    "Repr-Digest": re.compile(rf"([a-z0-9*_.-]+)=:{_BASE64}:"),
    "Digest": re.compile(rf"([0-9A-Za-z-]+)={_BASE64}"),
    "Content-MD5": re.compile(rf"(){_BASE64}"),
}


def verify(headers: Headers, body: BinaryIO) -> None:
    """Raise BadInput unless `body`, at its start, has the digests that are sent with it; leave it there."""
    for field, pattern in _OF_FIELD.items():
        value = headers.get(field)
        if value is None:
            continue
        for item in value.split(","):
            found = pattern.fullmatch(item.strip(" \t"))
            name = (found[1].lower() or "md5") if found else None
            if name not in ALGORITHMS:
                raise BadInput(field, f"a {field} is in base64, of {_example(field)}")
            digest = hashlib.file_digest(body, lambda name=name: _new(ALGORITHMS[name])).digest()
            body.seek(0)
            if base64.b64encode(digest).decode() != found[2]:
                raise BadInput(field, f"the body has another {name} digest: it was changed on the way")


def _new(name: str) -> hashlib._Hash:
    return hashlib.new(name, usedforsecurity=False)


def _example(field: str) -> str:
    if field == "Content-MD5":
        return "MD5's 16 bytes"
    example = "SHA-256=..." if field == "Digest" else "sha-256=:...:"
    return f"sha-256, sha-512 or md5, such as {example}"
