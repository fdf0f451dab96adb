"""The API's description of itself."""

from __future__ import annotations

from .document import document

__all__ = ["document"]
