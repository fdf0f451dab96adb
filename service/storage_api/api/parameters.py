"""Query parameters: one that a route does not have is refused, not ignored."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qsl

from flask import request

from . import ids
from .errors import BadInput


def read(allowed: Collection[str]) -> dict[str, str]:
    """The query's parameters; raises BadInput unless each is `allowed`, given once and UTF-8."""
    given: dict[str, str] = {}
    # latin-1 maps every byte to a character; given bytes, the parser would take only ASCII.
    query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    for name, value in query:
        field = name.encode("latin-1").decode(errors="replace")
        if field not in allowed:
            known = f"unknown parameter: use {', '.join(allowed)}"
            raise BadInput(field[: ids.MAX_CHARACTERS], known if allowed else "this path takes no parameters")
        if field in given:
            raise BadInput(field, "a parameter must not be repeated")
        try:
            given[field] = value.encode("latin-1").decode()
        except UnicodeDecodeError:
            raise BadInput(field, "a parameter must be percent-encoded UTF-8") from None
    return given


def refuse() -> None:
    """Refuse every parameter, such as S3's `partNumber`; for routes that take none.

    Call it before each request. OPTIONS is answered whatever the query: it asks about the path.
    """
    if request.environ.get("QUERY_STRING") and request.method != "OPTIONS":
        read(())
