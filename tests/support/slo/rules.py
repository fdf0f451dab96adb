"""The rules that charts/slo renders, and the part of them that an alert or a query needs."""

import functools
import json
import re
import subprocess
from collections.abc import Iterable
from typing import Any

import yaml

from lab import ROOT, toolchain

Rule = dict[str, Any]
Group = dict[str, Any]

RECORDED = re.compile(r"\b((?:slo|service):[a-zA-Z0-9_:]+|slo_info)(\{[^}]*\})?")
"""A recorded series in PromQL, with its matchers."""
_EQUAL = re.compile(r'(\w+)="([^"]*)"')


def rendered(values: dict[str, Any]) -> list[Group]:
    """All rule groups of charts/slo with these values, in the order of their evaluation."""
    return json.loads(_render(json.dumps(values)))


@functools.cache
def _render(values: str) -> str:
    command = [str(toolchain.helm()), "template", "proof", str(ROOT / "charts" / "slo"), "--values", "-"]
    done = subprocess.run(command, input=values, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    objects = [o for o in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if o]
    return json.dumps([g for o in objects if o["kind"] == "PrometheusRule" for g in o["spec"]["groups"]])


def key(rule: Rule) -> str:
    """A rule's identity within its release: its name and its labels."""
    labels = ",".join(f"{name}={value}" for name, value in sorted(rule.get("labels", {}).items()))
    return f"{rule.get('record') or rule['alert']}{{{labels}}}"


def needed(
    groups: list[Group], alerts: Iterable[str], queries: Iterable[str], texts: bool = False
) -> list[Group]:
    """The groups, with only those rules that the alerts (by name) and the queries need.

    promtool evaluates every rule at every step: leaving out what a case does not ask about saves most of the
    time. The rules have their annotations only with `texts`.
    """
    rules = [rule for group in groups for rule in group["rules"]]
    wanted: set[str] = set()
    open_queries = list(queries)
    for rule in rules:
        if rule.get("alert") in set(alerts):
            wanted.add(key(rule))
            open_queries.append(rule["expr"])
    while open_queries:
        for name, matchers in RECORDED.findall(open_queries.pop()):
            for rule in rules:
                if rule.get("record") == name and key(rule) not in wanted and _matches(rule, matchers):
                    wanted.add(key(rule))
                    open_queries.append(rule["expr"])
    kept = [
        {
            **group,
            "rules": [rule if texts else _plain(rule) for rule in group["rules"] if key(rule) in wanted],
        }
        for group in groups
    ]
    return [group for group in kept if group["rules"]]


def _matches(rule: Rule, matchers: str) -> bool:
    labels = rule.get("labels", {})
    return all(labels.get(name, value) == value for name, value in _EQUAL.findall(matchers))


def _plain(rule: Rule) -> Rule:
    return {name: value for name, value in rule.items() if name != "annotations"}
