"""The header fields of a PUT: which are kept with the object, and which are refused.

A field that would change the meaning of the request, such as one for a part or a copy, is refused rather than
ignored: otherwise the client would believe that something else was stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from werkzeug.datastructures import Headers

from storage_api.stores import DEFAULT_CONTENT_TYPE, METADATA_CHARACTERS, NO_METADATA, Metadata

from .errors import BadInput
from .limits import MAX_CONTENT_TYPE_CHARACTERS

CODINGS = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
"""A content coding (RFC 9110, 8.4.1)."""
_CODINGS = re.compile(rf"{CODINGS}( *, *{CODINGS})*")

# Field names as WSGI writes them. A server must not ignore Content-* fields of a PUT (RFC 2616, 9.6).
_UNSUPPORTED = re.compile(
    r"HTTP_(?:"
    r"CONTENT_(?!(?:ENCODING|LANGUAGE|DISPOSITION|MD5|DIGEST)$)"
    r"|EXPIRES$"
    # WebDAV's condition, part of a resumable upload, another method.
    r"|IF$|UPLOAD_(?:OFFSET|LENGTH|COMPLETE|INCOMPLETE)$|X_(?:HTTP_)?METHOD(?:_OVERRIDE)?$"
    # The clouds' fields for parts, copies, framing, conditions, checksums, access, encryption and metadata.
    # Not all X-Amz-* and X-Goog-*: proxies add some, such as X-Amz-Cf-Id and X-Goog-Iap-Jwt-Assertion.
    r"|X_AMZ_(?:ACL|BYPASS|CHECKSUM|CONTENT_SHA256|COPY|DECODED|GRANT|IF|META|MFA|MP|OBJECT|RENAME|SDK"
    r"|SERVER_SIDE|STORAGE|TAGGING|TRAILER|WEBSITE|WRITE)"
    r"|X_GOOG_(?:ACL|CONTENT_LENGTH|COPY|CUSTOM|ENCRYPTION|HASH|IF|META|RESUMABLE|STORAGE)"
    r"|X_MS_(?:ACCESS|BLOB|CONTENT|COPY|DELETE|ENCRYPTION|IF|IMMUTABILITY|LEASE|LEGAL|META|PAGE|RANGE"
    r"|REQUIRES|SOURCE|STRUCTURED|TAGS)"
    r")"
)
_HARMLESS = {
    "HTTP_UPLOAD_COMPLETE": "?1",
    "HTTP_UPLOAD_INCOMPLETE": "?0",
    "HTTP_X_MS_BLOB_TYPE": "BlockBlob",
}
"""Values that only say what is true anyway: the body is the whole object."""


def refuse_unsupported(environ: Mapping[str, str]) -> None:
    """Raise BadInput for a header field of a PUT or DELETE that asks for something unsupported."""
    for key, value in environ.items():
        if _UNSUPPORTED.match(key) and _HARMLESS.get(key) != value:
            name = key.removeprefix("HTTP_").replace("_", "-").title()
            raise BadInput(
                name, f"{name} is not supported: the body is always stored as it is, as the whole object"
            )


def content_type(headers: Headers) -> str:
    """The media type to store an object with; raises BadInput."""
    return _value(headers, "Content-Type", MAX_CONTENT_TYPE_CHARACTERS) or DEFAULT_CONTENT_TYPE


def metadata(headers: Headers) -> Metadata:
    """The other header fields to keep with an object; raises BadInput."""
    found = {
        name: value for name, most in METADATA_CHARACTERS.items() if (value := _value(headers, name, most))
    }
    if codings := found.get("Content-Encoding"):
        if not _CODINGS.fullmatch(codings):
            raise BadInput("Content-Encoding", "Content-Encoding must be a list of codings, such as gzip")
        if "aws-chunked" in codings.lower():
            # S3's framing around the object, which only S3 removes.
            raise BadInput("Content-Encoding", "aws-chunked is not supported: send the object as it is")
    return found or NO_METADATA


def _value(headers: Headers, name: str, most: int) -> str:
    value = headers.get(name, "")
    if len(value) > most or not (value.isascii() and value.isprintable()):
        raise BadInput(name, f"{name} must be printable ASCII of at most {most} characters")
    return value
