"""`/faults`: start, show and end a drill."""

from __future__ import annotations

import threading
from dataclasses import asdict

import orjson
from flask import Blueprint, Response, abort, jsonify, request

from storage_api import faults
from storage_api.api import parameters
from storage_api.faults.drills import Drills
from storage_api.routes import FAULTS

MAX_BYTES = 4096
"""Size limit of the JSON that describes a fault."""


def blueprint(drills: Drills, draining: threading.Event) -> Blueprint:
    """The routes that control `drills`; no drill can be started once `draining` is set."""
    routes = Blueprint("faults", __name__)
    routes.before_request(parameters.refuse)

    @routes.get(FAULTS.path)
    def show() -> Response:
        return _state(drills)

    @routes.put(FAULTS.path)
    def begin() -> Response:
        if draining.is_set():
            abort(503, "shutting down")
        try:
            drills.begin(faults.read(_document(), drills.threads))
        except faults.InvalidFault as error:
            abort(_refusal(error))
        return _state(drills)

    @routes.delete(FAULTS.path)
    def end() -> Response:
        drills.end()
        return _state(drills)

    return routes


def _document() -> object:
    body = request.stream.read(MAX_BYTES + 1)
    try:
        return orjson.loads(body if len(body) <= MAX_BYTES else b"")
    except orjson.JSONDecodeError:
        raise faults.InvalidFault({"body": f"must be a JSON object of at most {MAX_BYTES} bytes"}) from None


def _refusal(error: faults.InvalidFault) -> Response:
    response = jsonify(
        error="bad request", reason=str(error), field=next(iter(error.reasons)), fields=error.reasons
    )
    response.status_code = 400
    return response


def _state(drills: Drills) -> Response:
    drill = drills.current
    remaining = drill.remaining_seconds
    shown = {"remaining_seconds": None if remaining is None else round(remaining, 1)}
    return jsonify(asdict(drill.fault) | shown)
