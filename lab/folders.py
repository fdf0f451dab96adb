"""Where tools, downloads and build caches are kept. Standard library only: the venv may not exist yet."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lab import ROOT
from lab.errors import LabError


def tools_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """TOOLS_DIR, or `.tools`; a relative one counts from the repository."""
    return ROOT / (environment.get("TOOLS_DIR") or ".tools")


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """CACHE_DIR, or `cache` in the tools folder; a relative one counts from the repository."""
    given = environment.get("CACHE_DIR")
    return ROOT / given if given else tools_folder(environment) / "cache"


def build_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment with the caches of Go, pip, uv and npm in the cache folder.

    A cache that the caller has set stays where it is. Names are compared without regard to case, as npm does.
    """
    cache = cache_folder(environment)
    ours = {
        "GOCACHE": cache / "go-build",
        "GOPATH": cache / "go",  # Go keeps downloaded modules there, unless GOMODCACHE is set
        "PIP_CACHE_DIR": cache / "pip",
        "UV_CACHE_DIR": cache / "uv",
        "npm_config_cache": cache / "npm",
    }
    given = {name.lower() for name, value in environment.items() if value}
    return dict(environment) | {name: str(path) for name, path in ours.items() if name.lower() not in given}


@contextlib.contextmanager
def using(folder: Path) -> Iterator[None]:
    """Says in a line that the lab's folder can't be used, and why."""
    try:
        yield
    except OSError as error:
        raise LabError(
            f"LAB_DIR {folder} can't be used: {error.strerror}: {error.filename or folder}"
        ) from error
