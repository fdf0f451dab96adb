"""`/healthz` (the process answers) and `/readyz` (send it requests)."""

from __future__ import annotations

import threading

from flask import Blueprint, Response, abort, jsonify

from ..stores import Store, StoreError


def blueprint(store: Store, draining: threading.Event) -> Blueprint:
    """The probes; not ready while `draining` is set or `store` is out of order."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return jsonify(status="ok")

    @routes.get("/readyz")
    def ready() -> Response:
        if draining.is_set():
            abort(503, "shutting down")
        try:
            store.check()
        except StoreError as error:
            abort(503, str(error))
        return jsonify(status="ok")

    return routes
