"""Digests that a client sends with a body to have it verified.

Content-Digest and Repr-Digest (RFC 9530), which are equal here as an object is always sent whole, and the
older Digest (RFC 3230) and Content-MD5 (RFC 1864).
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import BinaryIO

from werkzeug.datastructures import Headers

from .errors import BadInput

ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5"}
"""{algorithm as the header fields name it: as hashlib names it}"""

_BASE64 = r"([0-9A-Za-z+/]+={0,2})"
_PATTERNS = {
    "Content-Digest": re.compile(rf"([a-z0-9*_.-]+)=:{_BASE64}:"),
    "Repr-Digest": re.compile(rf"([a-z0-9*_.-]+)=:{_BASE64}:"),
    "Digest": re.compile(rf"([0-9A-Za-z-]+)={_BASE64}"),
    "Content-MD5": re.compile(rf"(){_BASE64}"),
}


def verify(headers: Headers, body: BinaryIO) -> None:
    """Check `body` against the digests in `headers`; raises BadInput for one that differs or is malformed.

    `body` is read from its start and rewound.
    """
    for field, pattern in _PATTERNS.items():
        value = headers.get(field)
        if value is None:
            continue
        for item in value.split(","):
            found = pattern.fullmatch(item.strip(" \t"))
            name = (found[1].lower() or "md5") if found else None
            if name not in ALGORITHMS:
                raise BadInput(field, f"{field} must be {_allowed(field)}")
            digest = hashlib.file_digest(body, lambda name=name: _new(ALGORITHMS[name])).digest()
            body.seek(0)
            if base64.b64encode(digest).decode() != found[2]:
                raise BadInput(field, f"the body does not have this {name} digest: it was changed in transit")


def _new(name: str) -> hashlib._Hash:
    return hashlib.new(name, usedforsecurity=False)


def _allowed(field: str) -> str:
    if field == "Content-MD5":
        return "an MD5 digest in base64"
    example = "SHA-256=..." if field == "Digest" else "sha-256=:...:"
    return f"a sha-256, sha-512 or md5 digest in base64, such as {example}"
