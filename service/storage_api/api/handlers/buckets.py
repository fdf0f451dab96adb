"""`/api/buckets/<id>`: put, get and delete an object."""

from __future__ import annotations

from typing import BinaryIO

from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from storage_api.api import digests, ids, parameters
from storage_api.api.conditions import Conditions
from storage_api.api.errors import BadInput
from storage_api.api.metadata import content_type, metadata, refuse_unsupported
from storage_api.api.ranges import Part, part
from storage_api.routes import OBJECT
from storage_api.stores import NO_METADATA, Metadata, Object, Store

READ_BYTES = 256 * 1024
"""Size of the chunks that a body is sent in, where the server cannot read the object's file itself."""


def blueprint(store: Store) -> Blueprint:
    """The routes of the objects in `store`."""
    routes = Blueprint("buckets", __name__)
    routes.before_request(parameters.refuse)

    @routes.put(OBJECT.path)
    def put(id: str) -> Response:
        id = _checked(id)
        refuse_unsupported(request.environ)
        conditions = Conditions(request.headers)
        described = {"content_type": content_type(request.headers), "metadata": metadata(request.headers)}
        # Unwrapped: it may be the store's own spool, which `put` takes over without copying.
        body = request.environ["wsgi.input"]
        digests.verify(request.headers, body)
        etag = store.put(
            id,
            body,
            **described,
            condition=conditions.allow_change if conditions else None,
        )
        response = Response(f"Bucket {id} created", mimetype="text/plain")
        response.set_etag(etag)
        return response

    @routes.get(OBJECT.path)
    def get(id: str) -> Response:
        id = _checked(id)
        conditions = Conditions(request.headers)

        def plan(found: Object) -> Part:
            status = conditions.status(found.etag)
            return part(request.headers, found) if status == 200 else Part(status)

        if request.method == "HEAD":
            found = store.head(id) or abort(404)
            return _answer(found, Part(conditions.status(found.etag), 0, found.size))
        asks = conditions or "Range" in request.headers
        found, body = store.get(id, (lambda found: plan(found)[1:]) if asks else None) or abort(404)
        return _answer(found, plan(found), body)

    @routes.delete(OBJECT.path)
    def delete(id: str) -> Response:
        id = _checked(id)
        refuse_unsupported(request.environ)
        conditions = Conditions(request.headers)
        # 400 rather than 404: clients of this API rely on it.
        if not store.delete(id, conditions.allow_change if conditions else None):
            abort(400)
        return Response(mimetype="text/plain")

    return routes


def _answer(found: Object, plan: Part, body: BinaryIO | None = None) -> Response:
    """The response to a read of `found`: the status and the bytes in `plan`, sent from `body`."""
    status, first, end = plan
    # Given a file and a length of 0, the server would send the file to its end.
    if body and first == end:
        body.close()
        body = None
    if status == 412:
        abort(412)
    if status == 416:
        raise RequestedRangeNotSatisfiable(found.size)
    response = Response(
        wrap_file(request.environ, body, READ_BYTES) if body else None,
        status,
        content_type=found.content_type,
        direct_passthrough=True,
    )
    response.content_length = end - first
    response.set_etag(found.etag)
    response.accept_ranges = "bytes"
    if found.metadata:
        response.headers.update(found.metadata if status != 304 else _cache_control(found))
    if status == 206:
        response.content_range.set(first, end, found.size)
    # Objects come from clients: a stored page must not run scripts with this API's origin.
    response.headers["Content-Security-Policy"] = "sandbox"
    return response


def _cache_control(found: Object) -> Metadata:
    """The metadata that a 304 repeats (RFC 9110, 15.4.5)."""
    control = found.metadata.get("Cache-Control")
    return {"Cache-Control": control} if control else NO_METADATA


def _checked(id: str) -> str:
    try:
        return ids.check_path(id, request.environ)
    except ids.InvalidId as error:
        raise BadInput("id", str(error)) from None
