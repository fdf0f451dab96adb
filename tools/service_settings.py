"""Writes the table of docs/service.md from the service's own table of settings.

python -m tools.service_settings             writes it
python -m tools.service_settings --check     fails with a line when it is not up to date
"""

import sys

from lab import ROOT
from tools.doc_sections import main

sys.path.insert(0, str(ROOT / "service"))

from storage_api.config import SETTINGS

DOCUMENT = ROOT / "docs/service.md"


def table() -> str:
    """The settings as a table of Markdown, in the order of `--help`."""
    lines = ["| variable | default | allowed | what it is |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default_text}`" if setting.default_text else ""
        lines.append(
            f"| `{setting.variable}` | {default} | {setting.about.type.allowed} | {setting.description} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main("tools.service_settings", DOCUMENT, table()))
