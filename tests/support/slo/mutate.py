"""Mutation test of the service levels' rules: which share of small faults does the proof notice?

python -m tests.support.slo.mutate           run all mutants, and write the score into README.md
python -m tests.support.slo.mutate --check   the same, but only compare the score with README.md
"""

import functools
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from tests.support.mutation import score
from tests.support.mutation.score import Result
from tests.support.slo.case import SEVERAL, Case, promtool, write
from tests.support.slo.mutants import mutants
from tests.support.slo.rules import Group, Rule, key, needed, rendered
from tests.support.slo.suite import cases

SUBJECT = score.Subject(
    "The proof notices {score} % of {mutants} small faults", Path(__file__).parent / "survivors.yaml"
)
_BATCH = 60
SAMPLE = 200
"""Mutants of a usual run, evenly over all of them."""


@dataclass(frozen=True, eq=False)
class Mutant:
    """A rule with one fault, and the cases that ask about the rule."""

    rule: Rule
    what: str
    changed: Rule
    cases: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{key(self.rule)}: {self.what}"

    @property
    def family(self) -> str:
        """The rule's name without the window, and its severity."""
        name = self.rule.get("record") or self.rule["alert"]
        return re.sub(r"\d+[mhd]$", "", name) + self.rule["labels"].get("severity", "")


def all_mutants() -> list[Mutant]:
    """Mutants of each rule of the service that most cases watch, and of its namespace."""
    rules = [
        rule
        for group in rendered({"services": SEVERAL})
        for rule in group["rules"]
        if rule["labels"].get("slo_service", "checkout") == "checkout"
    ]
    found = []
    for rule in rules:
        asked = tuple(n for n in range(len(cases())) if focused(n, key(rule), rule["expr"]))
        found += [Mutant(rule, what, changed, asked) for what, changed in mutants(rule)]
    return found


@functools.cache
def focused(number: int, rule: str, expr: str) -> tuple[Case, list[Group]] | None:
    """A case reduced to what depends on a rule, with the rules that it needs; None if nothing in it does."""
    case = cases()[number]
    if not any((key(r), r["expr"]) == (rule, expr) for group in case.groups for r in group["rules"]):
        return None
    alerts = [alert for alert in case.alerts if rule in _needed_keys(number, alert, "")]
    queries = [query for query in case.queries if rule in _needed_keys(number, "", query[1])]
    if not queries and (case.firing is None or not alerts):
        return None
    if case.firing is None:
        alerts = list(case.alerts)  # they are only there to be asked about
        firing = None
    else:
        firing = {name: times for name, times in case.firing.items() if name[0] in alerts}
    less = replace(case, alerts=alerts, queries=queries, firing=firing)
    return less, less.groups


@functools.cache
def _needed_keys(number: int, alert: str, query: str) -> frozenset[str]:
    groups = needed(cases()[number].groups, [alert], [query])
    return frozenset(key(rule) for group in groups for rule in group["rules"])


def surviving(found: Sequence[Mutant]) -> list[Mutant]:
    """The mutants that pass all their cases. Two promtools run at a time.

    Each mutant is next given the case that noticed most mutants of rules with its name; at first those cases
    in which its alert fires, or which ask for its record.
    """
    open_cases = {
        mutant: sorted(mutant.cases, key=lambda n, m=mutant: not _asks(n, m.rule)) for mutant in found
    }
    kills: Counter[tuple[str, int]] = Counter()
    alive: list[Mutant] = [mutant for mutant in found if not mutant.cases]
    waiting = [mutant for mutant in found if mutant.cases]
    with ThreadPoolExecutor(2) as pool:
        while waiting:
            asked, waiting = waiting[: 2 * _BATCH], waiting[2 * _BATCH :]
            for mutant in asked:
                open_cases[mutant].sort(key=lambda case, family=mutant.family: -kills[family, case])
            runs = [(mutant, open_cases[mutant].pop(0)) for mutant in asked]
            for (mutant, case), killed in zip(runs, _results(pool, runs), strict=True):
                if killed:
                    kills[mutant.family, case] += 1
                elif open_cases[mutant]:
                    waiting.append(mutant)
                else:
                    alive.append(mutant)
    return alive


def _asks(number: int, rule: Rule) -> bool:
    case = cases()[number]
    if "alert" in rule:
        return (rule["alert"], rule["labels"]["severity"]) in (case.firing or ())
    return any(rule["record"] in query for _, query, _ in case.queries)


def _results(pool: ThreadPoolExecutor, runs: Sequence[tuple[Mutant, int]]) -> list[bool]:
    halves = [runs[: len(runs) // 2], runs[len(runs) // 2 :]]
    return [killed for half in pool.map(_run, halves) for killed in half]


def _run(runs: Sequence[tuple[Mutant, int]]) -> list[bool]:
    """Tell for each mutant and case if promtool fails. Raises ValueError if a mutant is no PromQL."""
    if not runs:
        return []
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, (mutant, case_number) in enumerate(runs):
            case, groups = focused(case_number, key(mutant.rule), mutant.rule["expr"])
            files.append(write(case, _mutated(groups, mutant), Path(folder), f"m{number}"))
        report = Path(folder) / "report.xml"
        promtool([f"--junit={report}", *files])
        suites = ElementTree.parse(report).getroot()  # noqa: S314 - promtool's own report
        failures = {Path(suite.get("name", "")).stem: "".join(suite.itertext()) for suite in suites}
    for number, (mutant, _) in enumerate(runs):
        if "could not parse" in failures[f"m{number}"]:
            raise ValueError(f"{mutant.name}: {failures[f'm{number}']}")
    return [bool(failures[f"m{number}"]) for number in range(len(runs))]


def _mutated(groups: Sequence[Group], mutant: Mutant) -> list[Group]:
    original = (key(mutant.rule), mutant.rule["expr"])
    return [
        {
            **group,
            "rules": [
                mutant.changed if (key(rule), rule["expr"]) == original else rule for rule in group["rules"]
            ],
        }
        for group in groups
    ]


def run(most: int, again: bool = False) -> Result:
    """Run so many mutants. Those with a reason to survive count as survivors, and run only with `again`."""
    found = score.sampled(all_mutants(), most)
    known = [] if again else [mutant for mutant in found if SUBJECT.explained(mutant.name)]
    alive = [*known, *surviving([mutant for mutant in found if mutant not in known])]
    return Result(SUBJECT, len(found), sorted(mutant.name for mutant in alive))


if __name__ == "__main__":
    sys.exit(score.main(__doc__, SUBJECT, SAMPLE, run))
