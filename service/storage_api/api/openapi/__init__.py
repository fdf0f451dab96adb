"""The OpenAPI document of the API."""

from __future__ import annotations

from .document import document

__all__ = ["document"]
