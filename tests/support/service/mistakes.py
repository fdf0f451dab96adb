"""The mistakes that the service reports about its settings."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from storage_api.config import ConfigError, read


def mistakes(environ: Mapping[str, str], *arguments: str) -> list[str]:
    """The lines that the service prints for these variables and flags, without `storage-api: `."""
    with pytest.raises(ConfigError) as refused:
        read(environ, arguments)
    return str(refused.value).splitlines()
