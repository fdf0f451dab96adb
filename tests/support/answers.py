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
_run = subprocess.run


def run(command: list[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Like subprocess.run with captured text, but answers from FOLDER if nothing has changed.

    An argument that names a folder stands for all files below it, and one that names a file for all files
    beside it, because tests of rules name the files of the rules.
    """
    words = [str(word) for word in command]
    if os.environ.get("CI") or words[0].startswith(
        tempfile.gettempdir()
    ):  # there are programs of single tests
        return _run(words, **options)
    paths = {word: f"<{n}>" for n, word in enumerate(words) if n and "/" in word and Path(word).exists()}
    asked = [
        _program(words[0], Path(words[0]).stat().st_mtime_ns),
        [paths.get(word, word) for word in words[1:]],
        [_digest(Path(word)) for word in paths],
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


@functools.cache
def _program(path: str, changed: int) -> str:
    return f"{Path(path).name} {Path(path).stat().st_size} {changed}"


def _digest(path: Path) -> str:
    found = path.rglob("*") if path.is_dir() else path.parent.iterdir()
    files = sorted(each for each in found if each.is_file())
    return _digest_of(str(path), tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files))


@functools.lru_cache(maxsize=64)
def _digest_of(path: str, files: tuple[tuple[str, int, int], ...]) -> str:
    found = hashlib.sha256()
    root = Path(path) if Path(path).is_dir() else Path(path).parent
    for name, _, _ in files:
        found.update(f"{Path(name).relative_to(root)}\0".encode() + Path(name).read_bytes() + b"\0")
    return found.hexdigest() if root == Path(path) else f"{Path(path).name} {found.hexdigest()}"
