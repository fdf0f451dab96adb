"""All cases about the rules of charts/slo, and which alerts they see fire and stay silent."""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.slo.case import Case
from tests.support.slo.cases import (
    absence,
    births,
    budgets,
    burn,
    histograms,
    neighbours,
    rates,
    silence,
    states,
)

MODULES = (neighbours, rates, budgets, states, burn, absence, births, histograms, silence)
"""Those that notice most faults come first, so that mutants do not live long."""


@functools.cache
def cases() -> tuple[Case, ...]:
    found = tuple(case for module in MODULES for case in module.cases())
    names = [case.name for case in found]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    return found


def runbooks(rules: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """For each alert, as (name, severity), its label `runbook`, or its name without one."""
    return {
        (rule["alert"], rule["labels"]["severity"]): rule["labels"].get("runbook", rule["alert"])
        for rule in rules
        if "alert" in rule
    }


def covered(
    folder: Path, names: Mapping[tuple[str, str], str], others: Iterable[tuple[str, bool]] = ()
) -> tuple[set[str], set[str]]:
    """The runbooks of alerts that some case sees fire, and of those that some case sees stay silent.

    `names` are the runbooks of the alerts that promtool's own test files in `folder` are about. `others` are
    further cases, as (alert, if it fires in the case).
    """
    fires: set[str] = set()
    silent: set[str] = set()
    for case in cases():
        if case.firing is None:
            continue
        found = runbooks(rule for group in case.groups for rule in group["rules"])
        for alert, runbook in found.items():
            (fires if case.firing.get(alert) else silent).add(runbook)
    by_name = {alert: runbook for (alert, _), runbook in names.items()}
    for file in folder.rglob("*.yaml"):
        for group in yaml.safe_load(file.read_text(encoding="utf-8")).get("tests", ()):
            for test in group.get("alert_rule_test", ()):
                runbook = by_name.get(test["alertname"], test["alertname"])
                (fires if test.get("exp_alerts") else silent).add(runbook)
    for alert, it_fires in others:
        (fires if it_fires else silent).add(by_name.get(alert, alert))
    return fires, silent
