"""Each route with its methods, parameters, headers and statuses, as the configuration has them."""

from __future__ import annotations

import hashlib

from storage_api import __version__, faults
from storage_api.api.limits import LISTING_LIMIT, MAX_CONTENT_TYPE_CHARACTERS, MAX_LISTING_LIMIT
from storage_api.api.metadata import CODINGS
from storage_api.config import Config
from storage_api.stores import METADATA_CHARACTERS

from .parts import Json, error, header, json, operation, parameter, record, response, without_bodies

DESCRIPTION = """\
Objects in buckets over HTTP: bytes of any media type, under an id.

Errors are JSON. Beside what is said of each operation, an unknown path is answered 404, a method that a path
does not have 405, a body that is too large 413, a header that is too large 431, a transfer coding other than
chunked 501, and a malformed request 400, such as one with an invalid target or Host. A parameter of the query
that a path does not have is answered 400, as is a header of a PUT or DELETE that would make it mean something
else, such as Content-Range or x-amz-copy-source. A request with a traceparent (W3C) is answered with a
traceresponse.
"""

ID = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[^/\u0000-\u001F\u007F-\u009F]+$"}
PREFIX = ID | {"minLength": 0, "pattern": r"^[^/\u0000-\u001F\u007F-\u009F]*$"}
# Of no bytes.
_EXAMPLE = f'"{hashlib.sha256().hexdigest()}"'
ETAG = {"type": "string", "pattern": '^"[0-9a-f]{64}"$', "examples": [_EXAMPLE]}
_TAG = r'(W/)?"[!#-~\u0080-\u00FF]*"'
ETAGS = {"type": "string", "pattern": rf"^(\*|{_TAG}( *, *{_TAG})*)$", "examples": ["*", _EXAMPLE]}
KEPT = {
    name: {"type": "string", "maxLength": most, "pattern": "^[ -~]*$"}
    for name, most in METADATA_CHARACTERS.items()
}
KEPT["Content-Encoding"]["pattern"] = f"^({CODINGS}( *, *{CODINGS})*)?$"
SIZE = {"type": "integer", "minimum": 0, "description": "In bytes."}

ERROR = record(
    {
        "error": {"type": "string", "description": "The status in words."},
        "reason": {"type": "string", "description": "What is wrong, and what is allowed."},
        "field": {"type": "string", "description": "What it is about: the id, a header or a parameter."},
    },
    "error",
)
NO_PARAMETERS = error("The path has no parameters; `field` is the one that was sent.")


def document(config: Config) -> Json:
    """The OpenAPI document of a service that is configured so."""
    api = {"/api/buckets": _listing(), "/api/buckets/{id}": _object(config)}
    if config.faults_enabled:
        api["/faults"] = _faults(config)
    open_to_all = {"/healthz": _alive(), "/readyz": _ready(), "/openapi.json": _self()}
    if config.metrics_port is None:
        open_to_all |= {path: _metrics(path) for path in ("/metrics", "/api/metrics")}
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": "Storage API",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "components": {
            "schemas": {"Error": ERROR},
            "headers": {"NoSniff": header("The media type is what it says.", {"const": "nosniff"})},
        },
    }
    if config.auth_tokens_file:
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    made["paths"] = {path: _complete(item, guarded=False) for path, item in open_to_all.items()} | {
        path: _complete(item, guarded=config.auth_tokens_file is not None) for path, item in api.items()
    }
    return made


def _complete(item: Json, guarded: bool) -> Json:
    """`item`, a path's, with the methods that every path has, and with what `guarded` paths need."""
    get = item["get"]
    head = operation(
        f"{get['operationId']}Head",
        "What GET has, without its body",
        without_bodies(get["responses"]),
        get.get("parameters"),
    )
    allow = {"Allow": header("The methods that the path has.", {"type": "string"})}
    options = operation(
        f"{get['operationId']}Options",
        "The methods of the path, whatever the id",
        {200: response("They are in Allow.", headers=allow)},
        [parameter | {"schema": {"type": "string"}} for parameter in item.get("parameters", [])],
    )
    item = {"head": head, "options": options} | item
    challenge = {"WWW-Authenticate": header("What is asked for.", {"const": "Bearer"})}
    for method in item.keys() - {"parameters"}:
        responses = item[method]["responses"]
        if guarded:
            item[method]["security"] = [{"token": []}]
            responses["401"] = error("A token is needed.", challenge)
        if method == "head":
            responses = without_bodies(responses)
        no_sniffing = {"X-Content-Type-Options": {"$ref": "#/components/headers/NoSniff"}}
        item[method]["responses"] = {
            status: made | {"headers": made.get("headers", {}) | no_sniffing}
            for status, made in responses.items()
        }
    return item


def _failures(bad_input: str = "The input is not allowed; `field` says which.") -> dict[int, Json]:
    """The errors of whatever works on the store."""
    return {
        400: error(bad_input),
        500: error("A fault of the service."),
        503: error("The store is out of order."),
    }


def _object(config: Config) -> Json:
    etag = {"ETag": header("The SHA-256 of the object's bytes.", ETAG)}
    about = etag | {
        "Accept-Ranges": header("Parts can be asked for.", {"const": "bytes"}),
        "Content-Security-Policy": header(
            "The object is no page that may do anything.", {"const": "sandbox"}
        ),
    }
    kept = {
        name: header("As it was put, if it was.", schema, required=False) for name, schema in KEPT.items()
    }
    part = header("The part, and the size of the whole.", {"type": "string"})
    bytes = {"*/*": {}}
    limit = f"At most {config.max_object_bytes} bytes (MAX_OBJECT_BYTES)."
    to_others = {
        f"{method}IsOfTheSameId": {"operationId": f"{method}Object", "parameters": {"id": "$request.path.id"}}
        for method in ("get", "delete")
    }
    read = {
        200: response("The object, of the media type it was put with.", bytes, about | kept),
        304: response(
            "The object is one that If-None-Match names.",
            headers=etag | {"Cache-Control": kept["Cache-Control"]},
        ),
        404: error("There is no such object."),
        412: error("The object is none that If-Match names."),
        **_failures(),
    }
    reading = [
        parameter("If-Match", "header", "Answer 412 unless the object is one of these; * is any.", ETAGS),
        parameter("If-None-Match", "header", "Answer 304 if the object is one of these; * is any.", ETAGS),
    ]
    changing = [
        parameter("If-Match", "header", "Only if the object that is there is one of these; * is any.", ETAGS),
        parameter(
            "If-None-Match", "header", "Only if no object is there that is one of these; * is any.", ETAGS
        ),
    ]
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "parameters": [
            {"name": "id", "in": "path", "required": True, "description": "The object's id.", "schema": ID}
        ],
        "put": operation(
            "putObject",
            "Store an object, instead of the one that is there",
            {
                200: response("The object is stored, and safe.", text, etag, to_others),
                412: error("The conditions are not met; nothing has changed."),
                413: error(f"The object is too large. {limit}"),
                507: error("The store is full; nothing has changed."),
                **_failures("The input is not allowed, such as a part of an object; `field` says which."),
            },
            [
                *changing,
                *(parameter(name, "header", "Kept and returned.", schema) for name, schema in KEPT.items()),
            ],
            {
                "description": f"The object. {limit} Its Content-Type is kept: at most "
                f"{MAX_CONTENT_TYPE_CHARACTERS} characters, printable ASCII. A Content-Digest, Repr-Digest, "
                "Digest or Content-MD5 that is sent with it is verified.",
                "content": bytes,
            },
        ),
        "get": operation(
            "getObject",
            "The object, or a part of it",
            {
                **read,
                206: response("The part that Range asks for.", bytes, about | kept | {"Content-Range": part}),
                416: error("The object has nothing of what Range asks for.", {"Content-Range": part}),
            },
            [
                *reading,
                parameter(
                    "Range", "header", "One range of bytes; what is none is ignored.", {"type": "string"}
                ),
                parameter(
                    "If-Range", "header", "Ignore Range unless this is the object.", {"type": "string"}
                ),
            ],
        ),
        "head": operation("headObject", "What GET has, without its body", without_bodies(read), reading),
        "delete": operation(
            "deleteObject",
            "Delete the object",
            {
                200: response("The object is gone.", text, links=to_others),
                412: error("The conditions are not met; nothing has changed."),
                **_failures("There is no such object, or the input is not allowed; `field` says which."),
            },
            changing,
        ),
    }


def _listing() -> Json:
    about = "; left out by a store that would have to ask a cloud for each."
    found = record(
        {
            "id": ID,
            "size": SIZE,
            "etag": ETAG | {"description": f"As the header{about}"},
            "content_type": {"type": "string", "description": f"As the header{about}"},
        },
        "id",
        "size",
    )
    page = record(
        {
            "buckets": {"type": "array", "items": found, "maxItems": MAX_LISTING_LIMIT},
            "next": {"type": ["string", "null"], "description": "`after` of the next page; null at the end."},
        },
        "buckets",
        "next",
    )
    limit = {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_LISTING_LIMIT,
        "default": LISTING_LIMIT,
    }
    return {
        "get": operation(
            "listObjects",
            "The objects in the order of their ids (by code point), page by page",
            {200: response("A page.", json(page)), **_failures()},
            [
                parameter("prefix", "query", "Only ids that start with this.", PREFIX),
                parameter("limit", "query", "The size of a page.", limit),
                parameter("after", "query", "Only ids after this one, whether it is there or not.", ID),
            ],
        )
    }


def _alive() -> Json:
    return {
        "get": operation("alive", "Whether the process answers", {200: _ok("It does."), 400: NO_PARAMETERS})
    }


def _ready() -> Json:
    statuses = {
        200: _ok("It shall."),
        400: NO_PARAMETERS,
        503: error(
            "It shall not: it is shutting down, the disk is full, or the store fails or does not answer."
        ),
    }
    return {"get": operation("ready", "Whether the service shall be sent requests", statuses)}


def _ok(description: str) -> Json:
    return response(description, json(record({"status": {"const": "ok"}}, "status")))


def _self() -> Json:
    return {
        "get": operation(
            "describe",
            "This document",
            {200: response("It.", json({"type": "object"})), 400: NO_PARAMETERS},
        )
    }


def _metrics(path: str) -> Json:
    text = {"schema": {"type": "string"}}
    formats = {"text/plain": text, "application/openmetrics-text": text}
    id = "metrics" if path == "/metrics" else "metricsOfTheApi"
    return {
        "get": operation(
            id,
            "The metrics",
            {200: response("In the format that Accept asks for.", formats), 400: NO_PARAMETERS},
        )
    }


def _faults(config: Config) -> Json:
    number = {"type": "number", "minimum": 0}
    fault = {
        "error_ratio": number | {"maximum": 1, "description": "The share of requests that fail."},
        "error_status": {"enum": list(faults.ERROR_STATUSES), "description": "With what they fail."},
        "latency_seconds": number
        | {"maximum": faults.MAX_LATENCY_SECONDS, "description": "Added to each request."},
        "store": {"enum": [*faults.STORES, None], "description": "Refuse everything, or be full."},
        "threads": {
            "type": "integer",
            "minimum": 0,
            "maximum": config.threads - 1,
            "description": "How many are taken from the API.",
        },
        "for_seconds": {
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "maximum": faults.MAX_FOR_SECONDS,
            "description": "When it ends by itself; null: it does not.",
        },
    }
    remaining = {"remaining_seconds": {"type": ["number", "null"], "description": "Until it ends by itself."}}
    state = {200: response("What goes wrong now.", json(record(fault | remaining, *fault, *remaining)))}
    refused = record(
        ERROR["properties"] | {"fields": {"type": "object", "additionalProperties": {"type": "string"}}},
        *("error", "reason", "field"),
    )
    return {
        "get": operation("getFault", "What goes wrong on purpose", state | {400: NO_PARAMETERS}),
        "put": operation(
            "putFault",
            "Let the API fail on purpose, for a drill",
            {
                **state,
                400: response("A field is not allowed; `fields` says which, and what is.", json(refused)),
                503: error("The service is shutting down."),
            },
            body={"required": True, "content": json(record(fault))},
        ),
        "delete": operation("deleteFault", "End the drill", state | {400: NO_PARAMETERS}),
    }
