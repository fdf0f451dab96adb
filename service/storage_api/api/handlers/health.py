"""`/healthz` (the process is alive) and `/readyz` (it is ready for traffic)."""

from __future__ import annotations

import threading

from flask import Blueprint, Response, abort, jsonify

from storage_api.api import parameters
from storage_api.api.readiness import Readiness
from storage_api.routes import HEALTHZ, READYZ
from storage_api.stores import Store


def blueprint(store: Store, draining: threading.Event) -> Blueprint:
    """The probes; not ready while `draining` is set or `store` is unavailable."""
    readiness = Readiness(store.check)
    routes = Blueprint("health", __name__)
    routes.before_request(parameters.refuse)

    @routes.get(HEALTHZ.path)
    def alive() -> Response:
        return jsonify(status="ok")

    @routes.get(READYZ.path)
    def ready() -> Response:
        if draining.is_set():
            abort(503, "shutting down")
        if reason := readiness.reason():
            abort(503, reason)
        return jsonify(status="ok")

    return routes
