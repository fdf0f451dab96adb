"""Generated files: written, or compared with those that exist.

python -m tools.<program>             write the files, and remove those that are no longer generated
python -m tools.<program> --check     fail with one line if a file is out of date
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lab import ROOT
from lab.errors import LabError
from lab.render.chart import RenderError
from lab.toolchain import ToolError


def main(program: str, make: Callable[[], Mapping[Path, str]], folders: Iterable[Path]) -> int:
    """Write the files that `make` returns, text by path; with --check only compare. Return the exit status.

    All files below `folders` are generated: those that `make` does not return are removed.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    check = parser.parse_args().check

    try:
        files = make()
    except (LabError, RenderError, ToolError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    there = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    outdated = sorted({path for path in there | set(files) if _read(path) != files.get(path)})
    if check and outdated:
        names = ", ".join(str(path.relative_to(ROOT)) for path in outdated)
        print(f"out of date: {names} (run `python -m {program}`)", file=sys.stderr)
        return 1
    for path in outdated:
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
