"""All cases about the rules of charts/slo, and which alerts they see fire and stay silent."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.slo.case import Case
from tests.support.slo.cases import (
    absence,
    births,
    budgets,
    burn,
    histograms,
    indicators,
    neighbours,
    pods,
    presence,
    rates,
    routes,
    silence,
    states,
    workloads,
)

MODULES = (
    neighbours, rates, routes, pods, workloads, presence, budgets, states, burn, absence, indicators, births,
    histograms, silence,
)  # fmt: skip
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


def covered() -> tuple[set[str], set[str]]:
    """The runbooks of alerts that some case sees fire, and of those that some case sees stay silent."""
    fires: set[str] = set()
    silent: set[str] = set()
    for case in cases():
        if case.firing is None:
            continue
        found = runbooks(rule for group in case.groups for rule in group["rules"])
        for alert, runbook in found.items():
            (fires if case.firing.get(alert) else silent).add(runbook)
    return fires, silent
