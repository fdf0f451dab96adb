"""Measure what opening each dashboard costs Prometheus, and write docs/dashboards-cost.md.

Runs a Prometheus on made-up samples; takes about two minutes on two cores.
Exits with 1 if a claim is missed, or if Prometheus reports another number than was calculated.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.dashboards import cluster, measure, report, results, verify
from bench.dashboards.raw import Rules
from bench.dashboards.series import all_series
from lab import ROOT
from lab.errors import LabError


def main() -> int:
    """Measure, write the page, print a line per claim; return 1 if one is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.dashboards", description=__doc__, allow_abbrev=False
    )
    parser.parse_args()
    groups = cluster.rule_groups(cluster.render())
    scraped, every = all_series(groups), measure.intervals(groups)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-dashboards-") as temporary:
            folder = Path(temporary)
            print("evaluating the recording rules", flush=True)
            series = [*scraped, *measure.recorded(folder, groups, scraped)]
            rules = Rules(groups)
            found = results.costs(series, every, rules)
            print("asking Prometheus for the dashboards' queries", flush=True)
            own = verify.dashboards(folder, found, series, every)
            print("asking Prometheus for the same queries on raw series", flush=True)
            raw = verify.raw(folder, found, series, every, rules)
    except LabError as error:
        print(f"bench-dashboards: {error}", file=sys.stderr)
        return 1
    report.PAGE.write_text(report.page(found, scraped, series, own, raw), encoding="utf-8")
    missed = [line for one in (*own.values(), raw) for line in one.different]
    for claim in results.claims(found):
        print(f"{'MISSED' if claim.contradictions else 'held'}: {claim.text}")
        missed += claim.contradictions
    for line in missed:
        print(f"  {line}")
    print(f"written: {report.PAGE.relative_to(ROOT)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
