"""What to run as a local process, and how to see that a running one is no longer the same."""

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """What to run; a running process with the same fingerprint need not be replaced."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    url: str = ""
    """Where it answers, if it is a server."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The configuration that the process reads, by its path below the folder."""

    source: str = ""
    """A digest of the code that runs, where that changes without the arguments."""

    @property
    def fingerprint(self) -> dict[str, str]:
        """A digest of each thing that a replacement may be due to, by its name."""
        parts = {
            "source": self.source + _identity(self.arguments[0]),
            "arguments": "\0".join(self.arguments),
            **self.environment,
            **self.files,
        }
        return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in parts.items()}


def _identity(program: str) -> str:
    """Changes when the program is installed anew under its name."""
    with contextlib.suppress(OSError):
        about = Path(program).stat()
        return f"{about.st_mtime_ns} {about.st_size}"
    return ""
