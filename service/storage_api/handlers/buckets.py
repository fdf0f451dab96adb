"""`/api/buckets/<id>`: put, get and delete an object."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request
from werkzeug.wsgi import wrap_file

from .. import ids
from ..stores import Store

ROUTE = "/api/buckets/<id>"


def blueprint(store: Store, max_object_bytes: int) -> Blueprint:
    """The routes of the objects in `store`, each of at most `max_object_bytes`."""
    routes = Blueprint("buckets", __name__)

    @routes.put(ROUTE)
    def put(id: str) -> Response:
        id = _checked(id)
        # The length is always known: the server has the whole body, of chunks too, before it calls.
        if (request.content_length or 0) > max_object_bytes:
            abort(413)
        store.put(id, request.environ["wsgi.input"])
        return Response(f"Bucket {id} created", mimetype="text/plain")

    @routes.get(ROUTE)
    def get(id: str) -> Response:
        found = store.get(_checked(id))
        if found is None:
            abort(404)
        # The server sends the file itself, without a copy in memory.
        body = wrap_file(request.environ, found.body)
        response = Response(body, mimetype="application/octet-stream", direct_passthrough=True)
        response.content_length = found.object.size
        return response

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
