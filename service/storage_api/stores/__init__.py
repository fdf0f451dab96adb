"""Where objects are kept: one interface, several stores."""

from __future__ import annotations

from ..config import Config
from .base import Store, Stored, StoreError, Usage
from .filesystem import FilesystemStore
from .memory import MemoryStore

__all__ = ["FilesystemStore", "MemoryStore", "Store", "StoreError", "Stored", "Usage", "open_store"]


def open_store(config: Config) -> Store:
    """Open the store that `config` names; raises StoreError when it cannot be used."""
    if config.store == "memory":
        return MemoryStore()
    if config.store == "s3":
        # Only here: its library takes time and memory that the other stores have no use for.
        from .object_storage import ObjectStorageStore  # noqa: PLC0415

        return ObjectStorageStore(config.store_s3_bucket, config.store_s3_endpoint, config.store_s3_region)
    try:
        return FilesystemStore(config.store_path)
    except StoreError as error:
        raise StoreError(f"STORE_PATH={error}") from None
