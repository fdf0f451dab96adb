"""Evaluates rules on recorded samples with a real Prometheus, at each time of an evaluation.

Rules that read other rules' records come after those, each level on a server that has the levels before it.
The server takes a sample as current for one interval only, so a record whose expression has no result is gone
at the next evaluation, as the rule manager's stale marker makes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bench.slo.server import Server, load
from bench.slo.shapes import INTERVAL, Rule
from bench.slo.traffic import EVALUATION, HOUR, ONSET, Case, Series

RECORD = re.compile(r"\b[a-z_]+:[a-z0-9_]+(?::[a-z0-9_]+)?(?=[ {\[])")
OVER_TIME = re.compile(r"(\b[a-z_]+:[a-z0-9_:]+)\{[^}]*\}(?:\[| offset)")
WORKERS = 2


class Evaluated(NamedTuple):
    """A rule of a case."""

    case: Case
    rule: Rule


def needed(rules: Iterable[Rule], expressions: Iterable[str]) -> list[Rule]:
    """The recording rules that expressions read, directly or through other rules."""
    by_name: dict[str, list[Rule]] = {}
    for rule in rules:
        by_name.setdefault(rule.record, []).append(rule)
    found: dict[Rule, None] = {}
    waiting = list(expressions)
    while waiting:
        for name in RECORD.findall(waiting.pop()):
            for rule in by_name.get(name, []):
                if rule not in found:
                    found[rule] = None
                    waiting.append(rule.expr)
    return list(found)


def levels(rules: Sequence[Evaluated]) -> list[list[Evaluated]]:
    """The rules in the order of evaluation: each level reads only records of the levels before it."""
    names = {one.rule.record for one in rules}
    depth: dict[str, int] = {}

    def of(rule: Rule) -> int:
        return 1 + max((depth.get(name, 99) for name in set(RECORD.findall(rule.expr)) & names), default=0)

    waiting = list(rules)
    found = []
    while waiting:
        level = [one for one in waiting if of(one.rule) == len(found) + 1]
        if not level:
            raise ValueError(
                f"rules read each other: {', '.join(sorted(one.rule.record for one in waiting))}"
            )
        waiting = [one for one in waiting if one not in level]
        # A name is known only when all rules that record it are.
        depth |= dict.fromkeys(
            {one.rule.record for one in level} - {one.rule.record for one in waiting}, len(found) + 1
        )
        found.append(level)
    return found


def record(data: Path, rules: Sequence[Evaluated]) -> None:
    """Evaluate recording rules over the whole of each case and store what they record."""
    over_time = {name for one in rules for name in OVER_TIME.findall(one.rule.expr)}
    for level in levels(rules):
        with Server(data, lookback=f"{INTERVAL}s") as server, ThreadPoolExecutor(WORKERS) as pool:
            results = list(pool.map(lambda one: list(_recorded(server, one, over_time)), level))
        load(data, (series for result in results for series in result))


def _recorded(server: Server, one: Evaluated, over_time: set[str]) -> Iterator[Series]:
    case, rule = one
    # What no expression reads over time is needed only where alerts are evaluated.
    start = -case.history if rule.record in over_time else -min(case.history, HOUR)
    start -= start % -rule.every
    end = ONSET + EVALUATION + case.watch
    # Results that differ only in labels which the rule sets are one series.
    recorded: dict[str, dict[int, float]] = {}
    for labels, values in server.range(rule.expr, ONSET + EVALUATION + start, end, rule.every):
        own = {key: value for key, value in labels.items() if key != "__name__"} | dict(rule.labels)
        name = ",".join(f'{key}="{own[key]}"' for key in sorted(own))
        recorded.setdefault(f"{rule.record}{{{name}}}", {}).update(values)
    for name, values in recorded.items():
        yield (
            name,
            [
                (when, values[first])
                for first in sorted(values)
                for when in range(first, first + rule.every, INTERVAL)
                if not 0 < when - ONSET <= case.gap
            ],
        )


def firing(server: Server, one: Evaluated) -> list[int]:
    """The seconds after the onset at which an alert begins to fire."""
    case, rule = one
    start = ONSET + EVALUATION - HOUR // 2
    active = {
        when
        for _, values in server.range(rule.expr, start, ONSET + EVALUATION + case.watch, INTERVAL)
        for when in values
        if not 0 < when - ONSET <= case.gap
    }
    begins, since, fires_until = [], None, None
    for when in range(start, ONSET + EVALUATION + case.watch + 1, INTERVAL):
        if when not in active:
            since = None
            continue
        since = when if since is None else since
        if when - since >= rule.hold:
            if fires_until is None or when > fires_until:
                begins.append(when - ONSET)
            fires_until = when + rule.keep + INTERVAL
    return begins
