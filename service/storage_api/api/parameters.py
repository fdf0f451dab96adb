"""The parameters of a request's query: what a route does not know is refused, not dropped."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qsl

from flask import request

from . import ids
from .errors import BadInput


def read(allowed: Collection[str]) -> dict[str, str]:
    """The query, each part of it `allowed`, given once, and UTF-8; raises BadInput."""
    given: dict[str, str] = {}
    # As latin-1, which stands for any bytes: of bytes the parser takes ASCII alone.
    query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    for name, value in query:
        field = name.encode("latin-1").decode(errors="replace")
        if field not in allowed:
            known = f"a parameter is one of {', '.join(allowed)}"
            raise BadInput(field[: ids.MAX_CHARACTERS], known if allowed else "this path has no parameters")
        if field in given:
            raise BadInput(field, "a parameter is given once")
        try:
            given[field] = value.encode("latin-1").decode()
        except UnicodeDecodeError:
            raise BadInput(field, "a parameter is UTF-8 (percent-encoded)") from None
    return given


def refuse() -> None:
    """Refuse every parameter, such as `partNumber` of another protocol; for routes that have none.

    To be called before each request. OPTIONS is answered whatever the query: it asks about the path.
    """
    if request.environ.get("QUERY_STRING") and request.method != "OPTIONS":
        read(())
