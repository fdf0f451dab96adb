"""`/api/buckets`: the stored objects, page by page."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from werkzeug.http import quote_etag

from storage_api.api import ids, parameters
from storage_api.api.errors import BadInput
from storage_api.api.limits import LISTING_LIMIT, MAX_LISTING_LIMIT
from storage_api.routes import LISTING
from storage_api.stores import Object, Store

PARAMETERS = ("prefix", "limit", "after")


def blueprint(store: Store) -> Blueprint:
    """The route that lists the objects in `store`."""
    routes = Blueprint("listing", __name__)

    @routes.get(LISTING.path)
    def buckets() -> Response:
        given = parameters.read(PARAMETERS)
        prefix = given.get("prefix", "")
        after = given.get("after")
        if prefix:
            _checked("prefix", prefix)
        if after is not None:
            _checked("after", after)
        page = store.list(prefix, _limit(given.get("limit")), after)
        return jsonify(buckets=[_described(found) for found in page.objects], next=page.next)

    return routes


def _checked(field: str, id: str) -> None:
    try:
        ids.check(id)
    except ids.InvalidId as error:
        raise BadInput(field, str(error)) from None


def _limit(text: str | None) -> int:
    if text is None:
        return LISTING_LIMIT
    # int() alone would also take "1_0", " 1 " and digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= MAX_LISTING_LIMIT):
        raise BadInput("limit", f"limit must be a whole number from 1 to {MAX_LISTING_LIMIT}")
    return int(text)


def _described(found: Object) -> dict[str, str | int]:
    etag = found.etag and quote_etag(found.etag)
    known = {"id": found.id, "size": found.size, "etag": etag, "content_type": found.content_type}
    return {name: value for name, value in known.items() if value is not None}
