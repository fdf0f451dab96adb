"""The OpenAPI document: every route with its methods, parameters, headers and statuses."""

from __future__ import annotations

import hashlib

from storage_api import __version__, faults
from storage_api.api.limits import LISTING_LIMIT, MAX_CONTENT_TYPE_CHARACTERS, MAX_LISTING_LIMIT
from storage_api.api.metadata import CODINGS
from storage_api.config import Config
from storage_api.stores import METADATA_CHARACTERS

from .parts import Json, error, header, json, operation, parameter, record, response, without_bodies

DESCRIPTION = """\
Objects in buckets over HTTP: bytes of any media type, stored under an id.

Errors are JSON. Besides the statuses listed for an operation, any request may be answered 404 (unknown path),
405 (method that the path does not have), 413 (body too large), 431 (headers too large), 501 (transfer coding
other than chunked) or 400 (malformed, for example an invalid target or Host). Unknown query parameters are
answered 400, as are headers that would change the meaning of a PUT or DELETE, such as Content-Range or
x-amz-copy-source. A request with a W3C traceparent is answered with a traceresponse.
"""

ID = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[^/\u0000-\u001F\u007F-\u009F]+$"}
PREFIX = ID | {"minLength": 0, "pattern": r"^[^/\u0000-\u001F\u007F-\u009F]*$"}
# The ETag of an empty object.
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
        "field": {
            "type": "string",
            "description": "The part of the request that is wrong: the id, a header or a parameter.",
        },
    },
    "error",
)
NO_PARAMETERS = error("The path takes no parameters; `field` names the one that was sent.")


def document(config: Config) -> Json:
    """The OpenAPI document of a service with this configuration."""
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
            "headers": {
                "NoSniff": header("Browsers must not guess another media type.", {"const": "nosniff"})
            },
        },
    }
    if config.auth_tokens_file:
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    made["paths"] = {path: _complete(item, guarded=False) for path, item in open_to_all.items()} | {
        path: _complete(item, guarded=config.auth_tokens_file is not None) for path, item in api.items()
    }
    return made


def _complete(item: Json, guarded: bool) -> Json:
    """Add to a path's `item` the methods that every path has, and the 401 of a `guarded` path."""
    get = item["get"]
    head = operation(
        f"{get['operationId']}Head",
        "The same as GET, without a body",
        without_bodies(get["responses"]),
        get.get("parameters"),
    )
    allow = {"Allow": header("The methods that the path allows.", {"type": "string"})}
    options = operation(
        f"{get['operationId']}Options",
        "List the methods that the path allows",
        {200: response("The methods are listed in Allow.", headers=allow)},
        [parameter | {"schema": {"type": "string"}} for parameter in item.get("parameters", [])],
    )
    item = {"head": head, "options": options} | item
    challenge = {"WWW-Authenticate": header("The authentication scheme.", {"const": "Bearer"})}
    for method in item.keys() - {"parameters"}:
        responses = item[method]["responses"]
        if guarded:
            item[method]["security"] = [{"token": []}]
            responses["401"] = error("A valid token is required.", challenge)
        if method == "head":
            responses = without_bodies(responses)
        no_sniffing = {"X-Content-Type-Options": {"$ref": "#/components/headers/NoSniff"}}
        item[method]["responses"] = {
            status: made | {"headers": made.get("headers", {}) | no_sniffing}
            for status, made in responses.items()
        }
    return item


def _failures(
    bad_input: str = "Invalid input; `field` names the part of the request that is wrong.",
) -> dict[int, Json]:
    """The errors of every operation that uses the store."""
    return {
        400: error(bad_input),
        500: error("Internal error of the service."),
        503: error("The store is unavailable."),
    }


def _object(config: Config) -> Json:
    etag = {"ETag": header("The SHA-256 of the object's bytes.", ETAG)}
    about = etag | {
        "Accept-Ranges": header("Range requests are supported.", {"const": "bytes"}),
        "Content-Security-Policy": header(
            "A browser that shows the object runs none of its scripts.", {"const": "sandbox"}
        ),
    }
    kept = {
        name: header("The value that was sent with the PUT, if any.", schema, required=False)
        for name, schema in KEPT.items()
    }
    part = header("The range that is sent, if any, and the size of the object.", {"type": "string"})
    bytes = {"*/*": {}}
    limit = f"At most {config.max_object_bytes} bytes (MAX_OBJECT_BYTES)."
    links = {
        f"{method}SameId": {"operationId": f"{method}Object", "parameters": {"id": "$request.path.id"}}
        for method in ("get", "delete")
    }
    read = {
        200: response("The object, with the media type that it was stored with.", bytes, about | kept),
        304: response(
            "If-None-Match lists the object's ETag.",
            headers=etag | {"Cache-Control": kept["Cache-Control"]},
        ),
        404: error("There is no such object."),
        412: error("If-Match does not list the object's ETag."),
        **_failures(),
    }
    reading = [
        parameter(
            "If-Match", "header", "Answer 412 unless the object has one of these ETags; * matches any.", ETAGS
        ),
        parameter(
            "If-None-Match",
            "header",
            "Answer 304 if the object has one of these ETags; * matches any.",
            ETAGS,
        ),
    ]
    changing = [
        parameter(
            "If-Match", "header", "Only change an object with one of these ETags; * matches any.", ETAGS
        ),
        parameter(
            "If-None-Match",
            "header",
            "Change nothing if an object has one of these ETags; * matches any.",
            ETAGS,
        ),
    ]
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "parameters": [
            {"name": "id", "in": "path", "required": True, "description": "The object's id.", "schema": ID}
        ],
        "put": operation(
            "putObject",
            "Store an object, replacing the one with the same id",
            {
                200: response("The object is stored.", text, etag, links),
                412: error("The conditions are not met; nothing has changed."),
                413: error(f"The object is too large. {limit}"),
                507: error("The store is full; nothing has changed."),
                **_failures("Invalid input, such as a Content-Range; `field` names what is wrong."),
            },
            [
                *changing,
                *(
                    parameter(name, "header", "Stored with the object and returned.", schema)
                    for name, schema in KEPT.items()
                ),
            ],
            {
                "description": f"The object. {limit} Its Content-Type is stored with it: printable ASCII of "
                f"at most {MAX_CONTENT_TYPE_CHARACTERS} characters. If a Content-Digest, Repr-Digest, Digest "
                "or Content-MD5 is sent, the object is verified against it.",
                "content": bytes,
            },
        ),
        "get": operation(
            "getObject",
            "Read the object, or a part of it",
            {
                **read,
                206: response("The range that was asked for.", bytes, about | kept | {"Content-Range": part}),
                416: error("The range lies outside of the object.", {"Content-Range": part}),
            },
            [
                *reading,
                parameter(
                    "Range", "header", "One range of bytes; anything else is ignored.", {"type": "string"}
                ),
                parameter(
                    "If-Range", "header", "Ignore Range unless this is the object's ETag.", {"type": "string"}
                ),
            ],
        ),
        "head": operation("headObject", "The same as GET, without a body", without_bodies(read), reading),
        "delete": operation(
            "deleteObject",
            "Delete the object",
            {
                200: response("The object is deleted.", text, links=links),
                412: error("The conditions are not met; nothing has changed."),
                **_failures("There is no such object, or invalid input; `field` names what is wrong."),
            },
            changing,
        ),
    }


def _listing() -> Json:
    unless = "; missing if the store would have to send a request for each object."
    found = record(
        {
            "id": ID,
            "size": SIZE,
            "etag": ETAG | {"description": f"The ETag{unless}"},
            "content_type": {"type": "string", "description": f"The media type{unless}"},
        },
        "id",
        "size",
    )
    page = record(
        {
            "buckets": {"type": "array", "items": found, "maxItems": MAX_LISTING_LIMIT},
            "next": {
                "type": ["string", "null"],
                "description": "`after` of the next page; null on the last.",
            },
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
            "List the objects in the order of their ids (by code point), page by page",
            {200: response("A page of objects.", json(page)), **_failures()},
            [
                parameter("prefix", "query", "Only ids that start with this.", PREFIX),
                parameter("limit", "query", "Most objects on a page.", limit),
                parameter("after", "query", "Only ids after this one, which need not exist.", ID),
            ],
        )
    }


def _alive() -> Json:
    return {
        "get": operation("alive", "Liveness probe", {200: _ok("The process is alive."), 400: NO_PARAMETERS})
    }


def _ready() -> Json:
    statuses = {
        200: _ok("Ready for traffic."),
        400: NO_PARAMETERS,
        503: error(
            "Not ready: shutting down, the disk is full, or the store is unavailable or does not answer."
        ),
    }
    return {"get": operation("ready", "Readiness probe", statuses)}


def _ok(description: str) -> Json:
    return response(description, json(record({"status": {"const": "ok"}}, "status")))


def _self() -> Json:
    return {
        "get": operation(
            "describe",
            "Describe the API",
            {200: response("The OpenAPI document.", json({"type": "object"})), 400: NO_PARAMETERS},
        )
    }


def _metrics(path: str) -> Json:
    text = {"schema": {"type": "string"}}
    formats = {"text/plain": text, "application/openmetrics-text": text}
    id = "metrics" if path == "/metrics" else "metricsOfTheApi"
    return {
        "get": operation(
            id,
            "Metrics for Prometheus",
            {200: response("The metrics, in the format that Accept asks for.", formats), 400: NO_PARAMETERS},
        )
    }


def _faults(config: Config) -> Json:
    number = {"type": "number", "minimum": 0}
    fault = {
        "error_ratio": number | {"maximum": 1, "description": "The share of requests that fail."},
        "error_status": {
            "enum": list(faults.ERROR_STATUSES),
            "description": "The status that they fail with.",
        },
        "latency_seconds": number
        | {"maximum": faults.MAX_LATENCY_SECONDS, "description": "Delay of each request."},
        "store": {
            "enum": [*faults.STORES, None],
            "description": "`refuse`: every operation fails; `full`: no object can be stored.",
        },
        "threads": {
            "type": "integer",
            "minimum": 0,
            "maximum": config.threads - 1,
            "description": "How many of the API's threads are held up.",
        },
        "for_seconds": {
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "maximum": faults.MAX_FOR_SECONDS,
            "description": "How long the drill lasts; null: until it is ended.",
        },
    }
    remaining = {
        "remaining_seconds": {
            "type": ["number", "null"],
            "description": "Time until the drill ends by itself.",
        }
    }
    state = {
        200: response("The faults that are active now.", json(record(fault | remaining, *fault, *remaining)))
    }
    refused = record(
        ERROR["properties"] | {"fields": {"type": "object", "additionalProperties": {"type": "string"}}},
        *("error", "reason", "field"),
    )
    return {
        "get": operation("getFault", "Show the active faults", state | {400: NO_PARAMETERS}),
        "put": operation(
            "putFault",
            "Start a drill: make the API fail on purpose",
            {
                **state,
                400: response(
                    "Invalid input; `fields` says for each wrong field what is allowed.", json(refused)
                ),
                503: error("The service is shutting down."),
            },
            body={"required": True, "content": json(record(fault))},
        ),
        "delete": operation("deleteFault", "End the drill", state | {400: NO_PARAMETERS}),
    }
