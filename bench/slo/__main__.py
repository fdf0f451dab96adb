"""Compare the rules of charts/slo with those of Sloth and Pyrra, and write docs/bench-slo.md.

Runs a Prometheus on recorded faults; takes about three minutes on two cores.
Exits with 1 if a claim is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.slo import cost, report
from bench.slo.compare import Comparison
from bench.slo.results import Results, claims
from lab import ROOT
from lab.errors import LabError

PAGE = ROOT / "docs" / "bench-slo.md"


def main() -> int:
    """Measure, write the page, print a line per claim; return 1 if one is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.slo", description=__doc__, allow_abbrev=False)
    parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-slo-") as temporary:
            folders = [Path(temporary) / name for name in ("faults", "cost")]
            for folder in folders:
                folder.mkdir()
            print("comparing the rules on recorded faults", flush=True)
            compared = Comparison(folders[0]).measure()
            print("measuring the cost for 1, 10 and 100 services", flush=True)
            results = Results(*compared, cost.measure(folders[1]))
    except LabError as error:
        print(f"bench-slo: {error}", file=sys.stderr)
        return 1
    PAGE.write_text(report.page(results), encoding="utf-8")
    missed = 0
    for claim in claims(results):
        missed += bool(claim.contradictions)
        print(f"{'MISSED' if claim.contradictions else 'held'}: {claim.text}")
        for contradiction in claim.contradictions:
            print(f"  {contradiction}")
    print(f"written: {PAGE.relative_to(ROOT)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
