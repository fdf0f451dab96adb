"""Generate the list of panels in docs/dashboards.md from the dashboards' JSON.

python -m tools.dashboards_table             write it
python -m tools.dashboards_table --check     fail with one line if it is out of date
"""

import json
import sys

from dashboards import DASHBOARDS
from dashboards.document import panels, render
from lab import ROOT
from tools.doc_sections import main

DOCUMENT = ROOT / "docs/dashboards.md"


def section() -> str:
    """A table of panels for each dashboard."""
    return "\n" + "\n".join(map(of_dashboard, DASHBOARDS)) + "\n"


def of_dashboard(name: str) -> str:
    """A heading with the dashboard's title, and a row for each panel: title, type and description."""
    document = json.loads(render(DASHBOARDS[name]()))
    rows = [
        f"| {panel['title']} | {panel['type']} | {panel['description']} |\n"
        for panel in panels(document)
        if panel["type"] != "row"
    ]
    return f"### {document['title']}\n\n| panel | type | what it shows |\n|---|---|---|\n{''.join(rows)}"


if __name__ == "__main__":
    sys.exit(main("tools.dashboards_table", DOCUMENT, section()))
