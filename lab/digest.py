"""A digest of files, which shows whether something must be built or started again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest(root: Path, files: Iterable[Path]) -> str:
    """SHA-256 in hexadecimal of the paths below `root` and the contents of those of `files` that exist."""
    found = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file()):
        found.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes() + b"\0")
    return found.hexdigest()
