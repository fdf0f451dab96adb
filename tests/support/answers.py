"""Keeps the answers of helm and promtool, so that a run of the tests evaluates only what has changed.

The same program, arguments, standard input and files give the same answer. With `CI` set nothing is kept:
everything is evaluated anew.
"""

import functools
import hashlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from lab import ROOT

FOLDER = ROOT / ".pytest_cache" / "answers"
KEPT_SECONDS = 7 * 24 * 3600
SETTLED_NS = 10**9
"""A file that changed at least so long ago has another modification time if it changes again."""
_run = subprocess.run


def run(command: list[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Like subprocess.run with captured text, but answers from FOLDER if nothing has changed.

    Arguments name files and folders by their absolute paths. A folder stands for all files below it, and a
    file for all files beside it too, because promtool's tests name the files of their rules.
    """
    words = [str(word) for word in command]
    # A program in the temporary folder belongs to a single test.
    if os.environ.get("CI") or words[0].startswith(tempfile.gettempdir()):
        return _run(words, **options)
    program = Path(words[0]).stat()
    paths = {word: f"<{n}>" for n, word in enumerate(words) if n and "/" in word and Path(word).exists()}
    asked = [
        [Path(words[0]).name, program.st_size, program.st_mtime_ns],
        [paths.get(word, word) for word in words[1:]],
        _contents([Path(word) for word in paths]),
        options.get("input"),
    ]
    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    file = FOLDER / key[:2] / key
    try:
        status, stdout, stderr = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        done = _run(words, **options)
        status, stdout, stderr = done.returncode, *(_replaced(t, paths) for t in (done.stdout, done.stderr))
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps([status, stdout, stderr]), encoding="utf-8")
        temporary.replace(file)
    back = {mark: word for word, mark in paths.items()}
    return subprocess.CompletedProcess(words, status, _replaced(stdout, back), _replaced(stderr, back))


def run_helm(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Like `run` for the commands of Helm that only render, else like subprocess.run."""
    renders = command[1] in ("template", "lint") or "--dry-run=client" in command
    return (run if renders else _run)(command, **options)


def forget_old() -> None:
    """Delete answers that are a week old."""
    for file in FOLDER.glob("*/*"):
        if file.stat().st_mtime < time.time() - KEPT_SECONDS:
            file.unlink(missing_ok=True)


def _replaced(text: str, names: dict[str, str]) -> str:
    for old, new in sorted(names.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(old, new)
    return text


def _contents(paths: list[Path]) -> list[tuple[str, str]]:
    """For each path, its name if it is a file, and a digest of the files that it stands for."""
    roots = [path if path.is_dir() else path.parent for path in paths]
    names = ["" if root == path else path.name for root, path in zip(roots, paths, strict=True)]
    digests = {found: _digest(*found) for found in zip(roots, map(bool, names), strict=True)}
    return [(name, digests[root, bool(name)]) for root, name in zip(roots, names, strict=True)]


def _digest(root: Path, flat: bool) -> str:
    """A digest of the files in a folder, or also of those in its subfolders if not `flat`."""
    files = sorted(each for each in (root.iterdir() if flat else root.rglob("*")) if each.is_file())
    states = [(file, file.stat()) for file in files]
    known = tuple((str(file), state.st_mtime_ns, state.st_size) for file, state in states)
    # Two changes in quick succession may leave a file with the same time.
    recent = any(time.time_ns() - state.st_mtime_ns < SETTLED_NS for _, state in states)
    return (_digest_of.__wrapped__ if recent else _digest_of)(root, known)


@functools.lru_cache(maxsize=64)
def _digest_of(root: Path, files: tuple[tuple[str, int, int], ...]) -> str:
    found = hashlib.sha256()
    for name, _, _ in files:
        found.update(f"{Path(name).relative_to(root)}\0".encode() + Path(name).read_bytes() + b"\0")
    return found.hexdigest()
