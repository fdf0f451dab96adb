"""The header fields of a PUT: those that are kept with the object, and those that are refused.

A field that would make the request mean something else, such as a part or a copy, is never just dropped: the
client would take the object for what it is not.
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

# Of WSGI's names of fields. What begins with Content- was never to be ignored in a PUT (RFC 2616, 9.6).
_NOT_SERVED = re.compile(
    r"HTTP_(?:"
    r"CONTENT_(?!(?:ENCODING|LANGUAGE|DISPOSITION|MD5|DIGEST)$)"
    r"|EXPIRES$"
    # A condition of WebDAV, a part of a resumable upload, another method.
    r"|IF$|UPLOAD_(?:OFFSET|LENGTH|COMPLETE|INCOMPLETE)$|X_(?:HTTP_)?METHOD(?:_OVERRIDE)?$"
    # Parts, copies, framing, conditions, checksums, rights, encryption and metadata of the clouds. Not all of
    # their fields: proxies add some, as CloudFront does X-Amz-Cf-Id and Google's X-Goog-Iap-Jwt-Assertion.
    r"|X_AMZ_(?:ACL|BYPASS|CHECKSUM|CONTENT_SHA256|COPY|DECODED|GRANT|IF|META|MFA|MP|OBJECT|RENAME|SDK"
    r"|SERVER_SIDE|STORAGE|TAGGING|TRAILER|WEBSITE|WRITE)"
    r"|X_GOOG_(?:ACL|CONTENT_LENGTH|COPY|CUSTOM|ENCRYPTION|HASH|IF|META|RESUMABLE|STORAGE)"
    r"|X_MS_(?:ACCESS|BLOB|CONTENT|COPY|DELETE|ENCRYPTION|IF|IMMUTABILITY|LEASE|LEGAL|META|PAGE|RANGE"
    r"|REQUIRES|SOURCE|STRUCTURED|TAGS)"
    r")"
)
_MEANS_NOTHING = {
    "HTTP_UPLOAD_COMPLETE": "?1",
    "HTTP_UPLOAD_INCOMPLETE": "?0",
    "HTTP_X_MS_BLOB_TYPE": "BlockBlob",
}
"""Values with which a field says what is so anyway: the body is all of the object."""


def refuse_what_is_not_served(environ: Mapping[str, str]) -> None:
    """Raise BadInput for a field of a PUT or DELETE that asks for what this service does not do."""
    for key, value in environ.items():
        if _NOT_SERVED.match(key) and _MEANS_NOTHING.get(key) != value:
            name = key.removeprefix("HTTP_").replace("_", "-").title()
            raise BadInput(name, f"{name} is not served: an object is put as a whole, from the body as it is")


def content_type(headers: Headers) -> str:
    """The media type that an object is put with; raises BadInput."""
    return _value(headers, "Content-Type", MAX_CONTENT_TYPE_CHARACTERS) or DEFAULT_CONTENT_TYPE


def metadata(headers: Headers) -> Metadata:
    """The other fields that are kept with an object; raises BadInput."""
    found = {
        name: value for name, most in METADATA_CHARACTERS.items() if (value := _value(headers, name, most))
    }
    if codings := found.get("Content-Encoding"):
        if not _CODINGS.fullmatch(codings):
            raise BadInput("Content-Encoding", "a Content-Encoding is a list of codings such as gzip")
        if "aws-chunked" in codings.lower():
            # A frame around the object, that S3 takes off.
            raise BadInput("Content-Encoding", "aws-chunked is not served: send the object as it is")
    return found or NO_METADATA


def _value(headers: Headers, name: str, most: int) -> str:
    value = headers.get(name, "")
    if len(value) > most or not (value.isascii() and value.isprintable()):
        raise BadInput(name, f"a {name} has at most {most} characters, printable ASCII")
    return value
