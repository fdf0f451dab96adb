"""Where objects are kept: one interface, several stores."""

from __future__ import annotations

from ..config import Config
from .base import Store, StoreError, Usage
from .filesystem import FilesystemStore
from .memory import MemoryStore

__all__ = ["FilesystemStore", "MemoryStore", "Store", "StoreError", "Usage", "open_store"]


def open_store(config: Config) -> Store:
    """Open the store that `config` names; raises StoreError when it cannot be used."""
    if config.store == "memory":
        return MemoryStore()
    try:
        return FilesystemStore(config.store_path)
    except StoreError as error:
        raise StoreError(f"STORE_PATH={error}") from None
