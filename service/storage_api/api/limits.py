"""Limits that handlers enforce and the OpenAPI document states."""

from __future__ import annotations

MAX_CONTENT_TYPE_CHARACTERS = 255
"""Every store can keep this many."""
LISTING_LIMIT = 100
"""Most objects on a page of the listing when the request does not set `limit`."""
MAX_LISTING_LIMIT = 1000
