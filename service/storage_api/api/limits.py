"""Limits that handlers enforce and the OpenAPI document states."""

from __future__ import annotations

MAX_CONTENT_TYPE_CHARACTERS = 255
"""Every store has room for this many."""
LISTING_LIMIT = 100
"""Objects on a page of the listing if the request does not say how many."""
MAX_LISTING_LIMIT = 1000
