"""Write the dashboards' JSON, or check that it is up to date."""

import argparse
import sys
from pathlib import Path

from dashboards import DASHBOARDS
from dashboards.document import render

FOLDER = Path(__file__).parent


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """Write `<folder>/<name>.json` for each dashboard and remove others; with --check only compare.

    Returns the exit code: 1 if --check found a file that is out of date.
    """
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    check = parser.parse_args(arguments).check

    wanted = {folder / f"{name}.json": render(build()) for name, build in DASHBOARDS.items()}
    found = {path: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    stale = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    if check:
        if stale:
            names = ", ".join(path.name for path in stale)
            print(f"out of date in {folder}: {names} (run `python -m dashboards`)", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        if path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    print(f"{len(wanted)} dashboards, {len(stale)} files changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
