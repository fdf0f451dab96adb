"""Writes the table of docs/service.md from the service's own table of settings.

python ci/service_settings.py             writes it
python ci/service_settings.py --check     fails with a line when it is not up to date
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "service"))

from storage_api.config import SETTINGS  # noqa: E402 - found only now

DOCUMENT = ROOT / "docs/service.md"
BEGIN = "<!-- written by `python ci/service_settings.py` -->\n"
END = "<!-- end of what is written -->\n"


def table() -> str:
    """The settings as a table of Markdown, in the order of `--help`."""
    lines = ["| variable | default | allowed | what it is |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default_text}`" if setting.default_text else ""
        lines.append(
            f"| `{setting.variable}` | {default} | {setting.about.kind.allowed} | {setting.description} |"
        )
    return "\n".join(lines) + "\n"


def document(text: str) -> str:
    """`text` of the document with the table as it has to be; ValueError where it has no place for one."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{DOCUMENT.name} has no lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{begin}{table()}{end}{after}"


def main(arguments: list[str] | None = None, path: Path = DOCUMENT) -> int:
    """Write the table, or with --check only compare. Returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, fail when it is out of date")
    check = parser.parse_args(arguments).check

    found = path.read_text(encoding="utf-8")
    wanted = document(found)
    if found == wanted:
        return 0
    if check:
        print(f"out of date: {path} (run `python ci/service_settings.py`)", file=sys.stderr)
        return 1
    path.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
