"""`/healthz` (the process answers) and `/readyz` (send it requests)."""

from __future__ import annotations

import logging
import threading

from flask import Blueprint, Response, abort, jsonify

from storage_api.routes import HEALTHZ, READYZ
from storage_api.stores import Store, StoreError, StoreFull

log = logging.getLogger(__name__)


def blueprint(store: Store, draining: threading.Event) -> Blueprint:
    """The probes; not ready while `draining` is set or `store` is out of order."""
    routes = Blueprint("health", __name__)

    @routes.get(HEALTHZ.path)
    def alive() -> Response:
        return jsonify(status="ok")

    @routes.get(READYZ.path)
    def ready() -> Response:
        if draining.is_set():
            abort(503, "shutting down")
        try:
            store.check()
        except StoreError as error:
            # The details are for the log: a probe may be answered to strangers.
            log.warning("not ready", extra={"fields": {"reason": str(error)}})
            full = isinstance(error, StoreFull)
            abort(503, "the disk is full" if full else "the store is out of order")
        return jsonify(status="ok")

    return routes
