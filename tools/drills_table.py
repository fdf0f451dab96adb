"""Generate the list of drills in docs/drills.md from their files in drills/ and the times recorded there.

python -m tools.drills_table             write it
python -m tools.drills_table --check     fail with one line if it is out of date
"""

import sys

import yaml

from lab import ROOT
from lab.drills import EXCEPTIONS
from lab.drills.drill import Drill, read_all
from lab.drills.report import TIMES, recorded
from tools.doc_sections import main

DOCUMENT = ROOT / "docs/drills.md"
HEAD = (
    "| drill | alert | pending | firing | delivered | delivery expected | resolved | resolution expected |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def section() -> str:
    """A table with the times of every drill, a list of what each does, and the alerts without one."""
    times = recorded()
    drills = read_all()
    rows = [
        " | ".join(
            [
                f"| `{drill.name}`",
                f"{drill.alert}, {drill.labels['severity']}",
                *(times.get(drill.name, {}).get(key) or "-" for key in TIMES),
            ]
        )
        + " |\n"
        for drill in drills
    ]
    exceptions = yaml.safe_load(EXCEPTIONS.read_text(encoding="utf-8"))
    without = "".join(f"- `{runbook}`: {reason}\n" for runbook, reason in exceptions.items())
    return (
        f"\n{HEAD}{''.join(rows)}\n{''.join(map(about, drills))}"
        f"\nKinds of alerts, by their label `runbook`, that have no drill:\n\n{without}\n"
    )


def about(drill: Drill) -> str:
    """One item of the list: the fault, and why the alert is expected at that time."""
    return f"- **`{drill.name}`**: {drill.about} *{drill.why}*\n"


if __name__ == "__main__":
    sys.exit(main("tools.drills_table", DOCUMENT, section()))
