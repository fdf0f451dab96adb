"""`/api/buckets/<id>`: put, get and delete an object."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from .. import ids
from ..stores import Store

ROUTE = "/api/buckets/<id>"


def blueprint(store: Store) -> Blueprint:
    """The routes of the objects in `store`."""
    routes = Blueprint("buckets", __name__)

    @routes.put(ROUTE)
    def put(id: str) -> Response:
        id = _checked(id)
        store.put(id, request.get_data(cache=False))
        return Response(f"Bucket {id} created", mimetype="text/plain")

    @routes.get(ROUTE)
    def get(id: str) -> Response:
        data = store.get(_checked(id))
        if data is None:
            abort(404)
        return Response(data, mimetype="application/octet-stream")

    @routes.delete(ROUTE)
    def delete(id: str) -> Response:
        # 400 and not 404 is the contract that clients of this API know.
        if not store.delete(_checked(id)):
            abort(400)
        return Response(mimetype="text/plain")

    return routes


def _checked(id: str) -> str:
    try:
        return ids.check(id, request.environ)
    except ids.InvalidId as error:
        abort(400, str(error))
