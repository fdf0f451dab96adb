"""Folders for tools, downloads and build caches. Standard library only: the venv may not exist yet."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lab import ROOT
from lab.errors import LabError


def tools_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """TOOLS_DIR, or `.tools`; a relative path starts at the repository."""
    return ROOT / (environment.get("TOOLS_DIR") or ".tools")


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """CACHE_DIR, or `cache` in the tools folder; a relative path starts at the repository."""
    given = environment.get("CACHE_DIR")
    return ROOT / given if given else tools_folder(environment) / "cache"


def build_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for builds, with the caches of Go, pip, uv, npm and Maven in the cache folder.

    A cache variable that the caller has set is kept. Names are compared ignoring case, as npm does.
    """
    cache = cache_folder(environment)
    ours = {
        "GOCACHE": cache / "go-build",
        "GOPATH": cache / "go",  # Go keeps downloaded modules there, unless GOMODCACHE is set
        "PIP_CACHE_DIR": cache / "pip",
        "UV_CACHE_DIR": cache / "uv",
        "npm_config_cache": cache / "npm",
        "MAVEN_OPTS": f"-Dmaven.repo.local={cache / 'maven'}",
    }
    given = {name.lower() for name, value in environment.items() if value}
    return dict(environment) | {name: str(path) for name, path in ours.items() if name.lower() not in given}


@contextlib.contextmanager
def using(folder: Path) -> Iterator[None]:
    """Turns an OSError about the lab's folder into a LabError that says why LAB_DIR can't be used."""
    try:
        yield
    except OSError as error:
        raise LabError(
            f"LAB_DIR {folder} can't be used: {error.strerror}: {error.filename or folder}"
        ) from error
