"""Cases for `promtool test rules`: series, and the alerts that fire with them, to the evaluation."""

import functools
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lab import toolchain
from tests.support import answers
from tests.support.slo.rules import Group, needed, rendered
from tests.support.slo.series import seconds

Firing = Mapping[tuple[str, str], Sequence[tuple[str, str]]]
"""For each (alert, severity), each span of time in which it fires: its first and last evaluation."""

SERVICE = {
    "namespace": "shop",
    "preset": "promhttp",
    "metrics": {"duration": "http_request_duration_seconds"},
    "labels": {"route": "path", "method": "verb"},
    "alerts": {"trafficMissing": {"enabled": True}},
}
"""The service that the cases watch, named `checkout`."""

SEVERAL = dict.fromkeys(("checkout", "cart", "agent"), SERVICE)
"""Services of one namespace, for cases about the rules that they share."""


@dataclass(frozen=True)
class Case:
    """Series of a service, and all that its rules make of them until `until`.

    Of the alerts in `alerts` exactly those in `firing` fire, at exactly these times; at all other evaluations
    they are silent.
    """

    name: str
    series: Mapping[str, str]
    until: str
    alerts: Sequence[str] = ()
    firing: Firing | None = field(default_factory=dict)
    """None if a case is not about when alerts fire."""
    queries: Sequence[tuple[str, str, Mapping[str, float]]] = ()
    """(time, PromQL, expected samples by labels); values must agree but for the last digit."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The service's values over SERVICE, one level deep."""
    chart: Mapping[str, Any] = field(default_factory=dict)
    """Other values of charts/slo."""
    every: str = "30s"
    """Time between samples of the series."""
    step: str = "30s"
    """Time between evaluations, instead of the groups' own intervals, which promtool ignores. Cases of
    several days evaluate every few minutes only: a day of 30 s steps can take promtool a second."""

    @functools.cached_property
    def groups(self) -> list[Group]:
        """The rules that the case is about."""
        service = {**SERVICE, **self.values}
        return needed(
            rendered({"services": {"checkout": service}, **self.chart}),
            self.alerts,
            [expr for _, expr, _ in self.queries],
        )

    def document(self, groups: Sequence[Group], rules: str) -> dict[str, Any]:
        """The case as a test file of promtool for the rules in the file `rules`."""
        return {
            "rule_files": [rules],
            "evaluation_interval": self.step,
            "group_eval_order": [group["name"] for group in groups],
            "fuzzy_compare": True,
            "tests": [
                {
                    "name": self.name,
                    "interval": self.every,
                    "input_series": [{"series": name, "values": text} for name, text in self.series.items()],
                    "promql_expr_test": [*self._timeline(), *map(_query, self.queries)],
                }
            ],
        }

    def _timeline(self) -> list[dict[str, Any]]:
        """Queries for how often each alert fired so far: before and at each change, and at the end.

        Where the counts agree at all these times, the alert fired exactly then, without a gap.
        """
        if not self.alerts or self.firing is None:
            return []
        step = seconds(self.step)
        spans = {name: [(seconds(a), seconds(b)) for a, b in times] for name, times in self.firing.items()}
        changes = {t for times in spans.values() for a, b in times for t in (a - step, a, b)}
        window = seconds(self.until) + step
        tests = []
        for time in sorted({t for t in changes if t >= 0} | {seconds(self.until)}):
            fired = {
                name: sum(max(0, (min(b, time) - a) // step + 1) for a, b in times)
                for name, times in spans.items()
            }
            samples = {
                f'{{alertname="{alert}", severity="{severity}"}}': count
                for (alert, severity), count in fired.items()
                if count
            }
            firing = 'ALERTS{alertstate="firing", namespace="shop", slo_service="checkout"}'
            fired_so_far = f"count_over_time({firing}[{window}s])"
            tests.append(_query((f"{time}s", f"sum by (alertname, severity) ({fired_so_far})", samples)))
        return tests


def _query(asked: tuple[str, str, Mapping[str, float]]) -> dict[str, Any]:
    time, expr, samples = asked
    expected = [{"labels": labels, "value": value} for labels, value in samples.items()]
    return {"expr": expr, "eval_time": time, "exp_samples": expected}


def promtool(files: Sequence[Path]) -> tuple[int, str]:
    """Run test files; returns the exit status and what promtool says."""
    command = [str(toolchain.promtool()), "test", "rules", *map(str, files)]
    # The garbage of short tests is not worth collecting often.
    done = answers.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "GOGC": "400"}
    )
    return done.returncode, done.stdout + done.stderr


def write(case: Case, groups: Sequence[Group], folder: Path, name: str) -> Path:
    """Write the case's test file and its rules, as JSON, which is YAML too; returns the test file."""
    (folder / f"{name}.rules.yaml").write_text(json.dumps({"groups": list(groups)}))
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(case.document(groups, f"{name}.rules.yaml")))
    return file


def failures(case: Case, groups: Sequence[Group] | None = None) -> str:
    """What promtool reports for a case, empty if it passes."""
    with tempfile.TemporaryDirectory() as folder:
        status, told = promtool([write(case, groups or case.groups, Path(folder), "case")])
    return told if status else ""


def first_firing(case: Case) -> dict[str, int]:
    """For each severity that fires, the seconds until its first firing evaluation."""
    step = seconds(case.step)
    window = seconds(case.until) + step
    times = (
        f'min_over_time(timestamp(ALERTS{{alertstate="firing", slo_service="checkout"}})[{window}s:{step}s])'
    )
    asked = (case.until, f"min by (severity) ({times})", {})
    # promtool tells what it found where nothing was expected.
    told = failures(replace(case, firing=None, queries=[asked]))
    return {
        severity: int(float(time)) for severity, time in re.findall(r'{severity="(\w+)"} ([\d.E+]+)', told)
    }
