"""Reads CHANGELOG.md, which has the format of Keep a Changelog."""

import re
from pathlib import Path

from lab import ROOT
from tools.release.errors import ReleaseError

CHANGELOG = ROOT / "CHANGELOG.md"
UNRELEASED = "Unreleased"
_HEADING = re.compile(r"^## \[(?P<version>[^]]+)\](?: - (?P<date>\d{4}-\d{2}-\d{2}))?\n", re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """{version, or `Unreleased`: the section's text without its heading}, newest first."""
    headings = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    return {h["version"]: text[h.end() : end].strip() for h, end in zip(headings, ends, strict=True)}


def changes(section: str) -> list[dict[str, str]]:
    """The entries of a section in the format of the annotation artifacthub.io/changes."""
    found = []
    for kind, entries in re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL):
        for entry in re.findall(r"^- (.*?)(?=^- |\Z)", entries, re.MULTILINE | re.DOTALL):
            text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", " ".join(entry.split()))
            found.append({"kind": kind.lower(), "description": text})
    return found


def notes(version: str, file: Path = CHANGELOG) -> str:
    """The text of a release's section; raises ReleaseError if it is missing or empty."""
    if not (text := sections(file.read_text(encoding="utf-8")).get(version)):
        raise ReleaseError(
            f"{file.name} has no section [{version}] with text; `make version VERSION={version}` makes it"
        )
    return text


def release(text: str, version: str, date: str) -> str:
    """The changelog with Unreleased's entries in a new section; raises ReleaseError if there are none."""
    found = sections(text)
    if version in found:
        raise ReleaseError(f"CHANGELOG.md already has a section [{version}]")
    if not found.get(UNRELEASED):
        raise ReleaseError(f"CHANGELOG.md has no entries below [{UNRELEASED}]")
    heading = f"## [{UNRELEASED}]\n"
    return text.replace(heading, f"{heading}\n## [{version}] - {date}\n", 1)
