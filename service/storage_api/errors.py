"""Errors as JSON: `{"error": "<status in words>"}`, with a `reason` where there is more to say."""

from __future__ import annotations

import logging

from flask import Flask, Response, abort, json, request
from werkzeug.exceptions import HTTPException, InternalServerError, RequestEntityTooLarge

from .config import Config
from .exchange import REFUSED, route_of

log = logging.getLogger(__name__)


def install(app: Flask, config: Config) -> None:
    """Make every error of `app` a JSON answer, those of the server's parser included."""

    @app.before_request
    def refuse() -> None:
        if refused := request.environ.get(REFUSED):
            abort(*refused)

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(error: RequestEntityTooLarge) -> Response:
        error.description = f"an object has at most {config.max_object_bytes} bytes (MAX_OBJECT_BYTES)"
        return answer(error)

    @app.errorhandler(HTTPException)
    def answer(error: HTTPException) -> Response:
        body = {"error": error.name.lower()}
        # werkzeug's own descriptions are meant for pages of HTML; only a given one says something new.
        if error.description != type(error).description:
            body["reason"] = error.description
        response = error.get_response()
        response.content_type = "application/json"
        response.data = json.dumps(body) + "\n"
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        fields = {"method": request.method, "path": request.path, "route": route_of(request)}
        log.error("request failed", exc_info=error, extra={"fields": fields})
        return answer(InternalServerError())
