"""Generate the table of settings in docs/service.md from the service's own table.

python -m tools.service_settings             write it
python -m tools.service_settings --check     fail with one line if it is out of date
"""

import sys

from lab import ROOT
from tools.doc_sections import main

sys.path.insert(0, str(ROOT / "service"))

from storage_api.config import SETTINGS

DOCUMENT = ROOT / "docs/service.md"


def table() -> str:
    """The settings as a Markdown table, in the order of `--help`."""
    lines = ["| variable | default | allowed | description |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default_text}`" if setting.default_text else ""
        lines.append(
            f"| `{setting.variable}` | {default} | {setting.about.type.allowed} | {setting.description} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main("tools.service_settings", DOCUMENT, table()))
