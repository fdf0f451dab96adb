"""Writes the table of docs/service.md from the service's own table of settings.

python ci/service_settings.py             writes it
python ci/service_settings.py --check     fails with a line when it is not up to date
"""

import sys
from pathlib import Path

from written_part import main

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "service"))

from storage_api.config import SETTINGS  # noqa: E402 - found only now

DOCUMENT = ROOT / "docs/service.md"


def table() -> str:
    """The settings as a table of Markdown, in the order of `--help`."""
    lines = ["| variable | default | allowed | what it is |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default_text}`" if setting.default_text else ""
        lines.append(
            f"| `{setting.variable}` | {default} | {setting.about.kind.allowed} | {setting.description} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main("ci/service_settings.py", DOCUMENT, table()))
