"""`/api/buckets`: what is stored, page by page."""

from __future__ import annotations

from urllib.parse import parse_qsl

from flask import Blueprint, Response, jsonify, request
from werkzeug.http import quote_etag

from storage_api.api import ids
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
        given = _parameters()
        prefix = given.get("prefix", "")
        after = given.get("after")
        if prefix:
            _checked("prefix", prefix)
        if after is not None:
            _checked("after", after)
        page = store.list(prefix, _limit(given.get("limit")), after)
        return jsonify(buckets=[_described(found) for found in page.objects], next=page.next)

    return routes


def _parameters() -> dict[str, str]:
    """The query, each part of it known, given once, and UTF-8: what would be dropped or folded is refused."""
    given: dict[str, str] = {}
    # As latin-1, which stands for any bytes: of bytes the parser takes ASCII alone.
    query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    for name, value in query:
        field = name.encode("latin-1").decode(errors="replace")
        if field not in PARAMETERS:
            raise BadInput(field[: ids.MAX_CHARACTERS], f"a parameter is one of {', '.join(PARAMETERS)}")
        if field in given:
            raise BadInput(field, "a parameter is given once")
        try:
            given[field] = value.encode("latin-1").decode()
        except UnicodeDecodeError:
            raise BadInput(field, "a parameter is UTF-8 (percent-encoded)") from None
    return given


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
        raise BadInput("limit", f"a limit is a whole number from 1 to {MAX_LISTING_LIMIT}")
    return int(text)


def _described(found: Object) -> dict[str, str | int]:
    known = found._asdict() | {"etag": found.etag and quote_etag(found.etag)}
    return {name: value for name, value in known.items() if value is not None}
