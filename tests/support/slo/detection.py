"""The table of docs/slo-detection.md: how long after a fault's start each alert fires.

python -m tests.support.slo.detection             measure, and write the table
python -m tests.support.slo.detection --check     measure, and fail if the table is out of date
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from lab import ROOT
from tests.support.slo.case import Case, first_firing
from tests.support.slo.series import requests, seconds
from tools import doc_sections

DOCUMENT = ROOT / "docs" / "slo-detection.md"
FAULTS, OBJECTIVES = (1.0, 0.1, 0.02, 0.002), (99.9, 99.0, 90.0)
SEVERITIES = {"critical": "page", "warning": "ticket"}
BURN_RATES = {
    "critical": [("1h", "5m", 2), ("6h", "30m", 5)],
    "warning": [("1d", "2h", 10), ("3d", "6h", 10)],
}
"""The chart's defaults: long window, short window, percent of the budget of 30 days."""


@dataclass(frozen=True)
class Cell:
    """A fault that starts after a long time without any error, an objective in percent, and a severity."""

    fault: float
    objective: float
    severity: str

    def theory(self) -> float:
        """Seconds until the ratio over a pair's long window exceeds its threshold; infinite if never."""
        budget = round(1 - self.objective / 100, 9)
        times = [math.inf]
        for long, _, percent in BURN_RATES[self.severity]:
            factor = percent / 100 * seconds("30d") / seconds(long)
            threshold = max(budget, min(0.9, factor * budget))
            if self.fault > threshold:
                times.append(threshold * seconds(long) / self.fault)
        return min(times)

    def lag(self) -> int:
        """Seconds by which windows over an hour are late: they sum rates of 5m, 150 s old on average."""
        return 150 if self.theory() > seconds("1h") else 0

    def step(self) -> int:
        """Seconds between evaluations: the chart's for a page, fewer for the three days before a ticket."""
        return 30 if self.severity == "critical" else 240

    def measured(self) -> float:
        """Seconds until promtool sees the alert fire, at 100 requests a second; infinite if it never does."""
        before = "6h" if self.severity == "critical" else "3d"
        expected = self.theory()
        if math.isinf(expected):
            # Windows without a history reach the fault's ratio at once, and no window ever exceeds it.
            before, after = "0s", 3600
        else:
            after = 240 * math.ceil(expected * 1.1 / 240 + 2)
        every = "30s" if self.severity == "critical" else "2m"
        traffic = [(before, 100, 0.0), (f"{after}s", 100, self.fault)]
        rates = [
            {"long": long, "short": short, "budgetPercent": part}
            for long, short, part in BURN_RATES[self.severity]
        ]
        case = Case(
            name="detection",
            series=requests(traffic, every),
            until=f"{seconds(before) + after}s",
            alerts=["CheckoutAvailabilityBudgetBurn"],
            values={"slis": {"availability": {"objective": self.objective}, "latency": {"enabled": False}}},
            chart={"burnRates": {"critical": [], "warning": [], self.severity: rates}},
            every=every,
            step=f"{self.step()}s",
        )
        fired = first_firing(case)
        return fired[self.severity] - seconds(before) if fired else math.inf


def cells() -> Iterator[Cell]:
    for fault in FAULTS:
        for objective in OBJECTIVES:
            for severity in SEVERITIES:
                yield Cell(fault, objective, severity)


def written(time: float) -> str:
    """A time as people say it: 52 s, 43.2 min, 36.0 h, or never."""
    if math.isinf(time):
        return "never"
    if time < 120:
        return f"{time:.0f} s"
    return f"{time / 60:.1f} min" if time < 3 * 3600 else f"{time / 3600:.1f} h"


def text(cell: Cell, measured: float) -> str:
    """A cell of the table: theory, and what was measured if it is not the same."""
    if math.isinf(measured) and math.isinf(cell.theory()):
        return "never"
    return f"{written(cell.theory())} / {written(measured)}"


def table() -> str:
    heads = [f"{objective:g} %: {name}" for objective in OBJECTIVES for name in SEVERITIES.values()]
    lines = [f"| fault | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for fault in FAULTS:
        found = [text(cell, cell.measured()) for cell in cells() if cell.fault == fault]
        name = "total outage" if fault == 1 else f"{fault * 100:g} % of requests fail"
        lines.append(f"| {name} | {' | '.join(found)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(doc_sections.main("tests.support.slo.detection", DOCUMENT, table()))
