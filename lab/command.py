"""A command to run as a local process, with a fingerprint that shows when it must be restarted."""

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A command; a running process with the same fingerprint need not be replaced."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    url: str = ""
    """Where it can be reached, if it is a server."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Configuration files that the process reads: text by path below the folder."""

    source: str = ""
    """A digest of the code that runs, if the arguments do not show its changes."""

    @property
    def fingerprint(self) -> dict[str, str]:
        """Digests, by name, of everything whose change requires a restart."""
        parts = {
            "source": self.source + _identity(self.arguments[0]),
            "arguments": "\0".join(self.arguments),
            **self.environment,
            **self.files,
        }
        return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in parts.items()}


def _identity(program: str) -> str:
    """Modification time and size: they change when another version is installed at the same path."""
    with contextlib.suppress(OSError):
        about = Path(program).stat()
        return f"{about.st_mtime_ns} {about.st_size}"
    return ""
