"""Stores for objects: one interface, several implementations."""

from __future__ import annotations

from storage_api.config import Config

from .base import (
    DEFAULT_CONTENT_TYPE,
    METADATA_CHARACTERS,
    NO_METADATA,
    Condition,
    Metadata,
    Object,
    Page,
    PreconditionFailed,
    Select,
    Store,
    Stored,
    StoreError,
    StoreFull,
    Usage,
)
from .filesystem import FilesystemStore
from .memory import MemoryStore

__all__ = [
    "DEFAULT_CONTENT_TYPE",
    "METADATA_CHARACTERS",
    "NO_METADATA",
    "Condition",
    "FilesystemStore",
    "MemoryStore",
    "Metadata",
    "Object",
    "Page",
    "PreconditionFailed",
    "Select",
    "Store",
    "StoreError",
    "StoreFull",
    "Stored",
    "Usage",
    "open_store",
]


def open_store(config: Config) -> Store:
    """Open the store that `config` names; raises StoreError if it cannot be used."""
    if config.store == "memory":
        return MemoryStore()
    if config.store == "filesystem":
        try:
            return FilesystemStore(config.store_path, config.store_min_free_bytes)
        except StoreError as error:
            raise StoreError(f"STORE_PATH={error}") from None
    # Imported only if needed: its library takes time and memory to load.
    from . import object_storage  # noqa: PLC0415

    if config.store == "s3":
        return object_storage.s3(config.store_s3_bucket, config.store_s3_endpoint, config.store_s3_region)
    if config.store == "gcs":
        return object_storage.gcs(config.store_gcs_bucket, config.store_gcs_endpoint)
    return object_storage.azure(
        config.store_azure_account, config.store_azure_container, config.store_azure_endpoint
    )
