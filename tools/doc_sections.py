"""Writes generated sections of documents, between two marker lines.

python -m tools.<program>             writes the section
python -m tools.<program> --check     fails with one line if the section is out of date
"""

import argparse
import sys
from pathlib import Path

END = "<!-- end of what is written -->\n"


def main(program: str, document: Path, part: str) -> int:
    """Write `part`, ending with a newline, into `document`; with --check only compare. Returns the exit code.

    Raises ValueError where the document has no place for it.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, fail when it is out of date")
    check = parser.parse_args().check

    begin = f"<!-- written by `python -m {program}` -->\n"
    found = document.read_text(encoding="utf-8")
    before, mark, rest = found.partition(begin)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{document.name} has no lines {begin.strip()} and {END.strip()}")
    wanted = f"{before}{begin}{part}{END}{after}"
    if found == wanted:
        return 0
    if check:
        print(f"out of date: {document} (run `python -m {program}`)", file=sys.stderr)
        return 1
    document.write_text(wanted, encoding="utf-8")
    return 0
