"""Settings, read from the environment once at start."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

STORES = ("filesystem", "memory", "s3")
LOG_LEVELS = ("debug", "info", "warning", "error")
MEBIBYTE = 1024 * 1024


class ConfigError(Exception):
    """A setting that cannot be used: one line that names the variable and what is allowed."""


@dataclass(frozen=True)
class Config:
    """Everything the service can be told; each field is an environment variable of the same name."""

    host: str = "0.0.0.0"  # noqa: S104 - a container is reached from outside it
    port: int = 5000
    store: str = "filesystem"
    store_path: Path = Path("/data")
    store_s3_bucket: str | None = None
    store_s3_endpoint: str | None = None
    store_s3_region: str | None = None
    max_object_bytes: int = 16 * MEBIBYTE
    log_level: str = "info"
    shutdown_delay_seconds: int = 0
    shutdown_timeout_seconds: int = 20

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Config:
        """Read the settings; raises ConfigError at the first that is not allowed."""
        readers: dict[str, Callable[[str], object]] = {
            "host": _text,
            "port": _integer(0, 65535),
            "store": _choice(STORES),
            "store_path": lambda value: Path(_text(value)),
            "store_s3_bucket": _matching(
                r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name (3-63 of a-z 0-9 . -)"
            ),
            "store_s3_endpoint": _matching(r"https?://[^\s/?#@]+/?", "a URL such as https://s3.example.org"),
            "store_s3_region": _matching(r"[a-z0-9-]+", "a region's name (of a-z 0-9 -)"),
            "max_object_bytes": _integer(1, 1024 * MEBIBYTE),
            "log_level": _choice(LOG_LEVELS),
            "shutdown_delay_seconds": _integer(0, 3600),
            "shutdown_timeout_seconds": _integer(0, 3600),
        }
        settings = {}
        for field, read in readers.items():
            variable = field.upper()
            if variable not in environ:
                continue
            try:
                settings[field] = read(environ[variable])
            except ValueError as error:
                raise ConfigError(f"{variable}={environ[variable]!r} is not allowed: use {error}") from None
        config = cls(**settings)
        if config.store == "s3" and config.store_s3_bucket is None:
            raise ConfigError("STORE_S3_BUCKET is not set: STORE=s3 needs a bucket's name")
        return config


def _text(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("printable text that is not empty")
    return value


def _matching(pattern: str, words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(words)
        return value

    return read


def _choice(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return value

    return read


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        # int() alone would also take "1_0", " 1 " and digits of other scripts.
        if not (value.isascii() and value.isdigit() and len(value) < 20 and low <= int(value) <= high):
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return read
