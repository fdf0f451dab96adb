"""The commands that documents show, and what a page says each block of them needs.

A comment above a block says who runs it: `<!-- needs: cluster -->`, or `<!-- run by: ci/run -->` for a file
that contains its commands. The test runs blocks without such a comment.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from lab import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(
    r"(?:^<!-- (needs|run by): ([^\n]+) -->\n)?^```(sh|console|bash|shell)\n(.*?)^```$", re.M | re.S
)
_SEPARATORS = {"|", "&", "&&", "||", ";"}


@dataclass(frozen=True)
class Block:
    """A block of commands in a document."""

    document: Path
    line: int
    needs: frozenset[str]
    """What its commands need, such as `cluster`."""
    run_by: str
    """The file that runs its commands; empty if none is named."""
    text: str
    """The commands, without the prompts and the output of a console."""

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def blocks(document: Path) -> list[Block]:
    """The blocks of commands in a document, in their order."""
    text = document.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        kind, value, language, body = match.groups()
        if language == "console":
            body = "".join(line[2:] + "\n" for line in body.splitlines() if line.startswith("$ "))
        needs = frozenset(value.split(", ")) if kind == "needs" else frozenset()
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(document, line, needs, value if kind == "run by" else "", body))
    return found


def commands(text: str) -> list[list[str]]:
    """The words of each simple command, without the variables set for it; ValueError for open quotes."""
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in _SEPARATORS:
                words.append(word)
                continue
            while words and re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            if words:
                found.append(words)
            words = []
    return found
