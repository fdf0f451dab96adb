"""Patterns and helpers from which the definitions are made."""

from typing import Any

Schema = dict[str, Any]

LABEL = "([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
HOST = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"


def closed_map(**properties: Schema) -> Schema:
    """A map that may have these keys and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties}
