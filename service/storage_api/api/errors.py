"""Errors as JSON: `{"error": "<status in words>"}`, with a `reason` where there is more to say.

An error about one part of the request (a header, a parameter, the id) names that part in `field`.
"""

from __future__ import annotations

import logging

from flask import Flask, Response, abort, json, request
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    RequestEntityTooLarge,
)
from werkzeug.exceptions import PreconditionFailed as PreconditionFailedStatus

from storage_api.config import Config
from storage_api.stores import PreconditionFailed, StoreError, StoreFull
from storage_api.telemetry.exchange import REFUSED, route_of

log = logging.getLogger(__name__)


class BadInput(BadRequest):
    """400: `field` (a header, a parameter or the id) has a value that is not allowed."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class InsufficientStorage(HTTPException):
    """507, which werkzeug does not define."""

    code = 507


def of_store(error: StoreError) -> tuple[int, str]:
    """Log `error`, and return the status and the reason to answer the failed request with."""
    # The message names internal paths and servers: log it, do not return it.
    log.error("the store failed a request", extra={"fields": {"reason": str(error)}})
    return (507, "the store is full") if isinstance(error, StoreFull) else (503, "the store is unavailable")


def install(app: Flask, config: Config) -> None:
    """Make every error of `app` a JSON response, including requests that the server's parser refused."""

    app.aborter.mapping[507] = InsufficientStorage

    @app.before_request
    def refuse() -> None:
        if refused := request.environ.get(REFUSED):
            abort(*refused)

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(error: RequestEntityTooLarge) -> Response:
        error.description = f"an object may have at most {config.max_object_bytes} bytes (MAX_OBJECT_BYTES)"
        return answer(error)

    @app.errorhandler(HTTPException)
    def answer(error: HTTPException) -> Response:
        body = {"error": error.name.lower()}
        # werkzeug's default descriptions are meant for HTML pages; only one of ours adds information.
        if error.description != type(error).description:
            body["reason"] = error.description
        if isinstance(error, BadInput):
            body["field"] = error.field
        response = error.get_response()
        response.content_type = "application/json"
        response.data = json.dumps(body) + "\n"
        return response

    @app.errorhandler(PreconditionFailed)
    def precondition_failed(_error: PreconditionFailed) -> Response:
        return answer(PreconditionFailedStatus())

    @app.errorhandler(StoreError)
    def store_failed(error: StoreError) -> Response:
        status, reason = of_store(error)
        return answer(app.aborter.mapping[status](reason))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        fields = {"method": request.method, "path": request.path, "route": route_of(request)}
        log.error("request failed", exc_info=error, extra={"fields": fields})
        return answer(InternalServerError())
