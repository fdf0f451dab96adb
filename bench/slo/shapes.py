"""The rules of Sloth, of Pyrra and of charts/slo for the same service, as lists of rules.

The rules of Sloth (0e395d8) and Pyrra (1ba95af) are written from their documentation and generated examples:
the same windows, factors and expressions, without the labels and annotations that no expression reads.
Pyrra's are those of an objective over four weeks, as in its examples.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from lab import ROOT
from lab.render.chart import KubernetesLoader
from lab.render.duration import seconds
from lab.render.helm import run_helm

NAMESPACE = "shop"
INTERVAL = 30
"""Seconds between two scrapes, and between two evaluations unless a group has its own interval."""


class Rule(NamedTuple):
    """A recording rule or an alert; `every`, `hold` (`for`) and `keep` (`keep_firing_for`) are in seconds."""

    expr: str
    every: int = INTERVAL
    record: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    severity: str = ""
    """`page` or `ticket` for an alert, empty for a recording rule."""
    hold: int = 0
    keep: int = 0


class Shape(NamedTuple):
    """The rules for one service, the expression of the ratio over the period, and the period's days."""

    rules: list[Rule]
    ratio: str
    days: int


def budget(objective: float) -> float:
    """The share of requests that may fail, 0 to 1, for an objective in percent."""
    return round(1 - objective / 100, 10)


def sloth(service: str, objective: float) -> Shape:
    """One ratio for each window from the raw series, the period as an average of the ratios of 5m."""
    requests = f'http_requests_total{{job="{service}", namespace="{NAMESPACE}"'
    slo = f'sloth_id="{service}"'
    rules = []
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d"):
        ratio = f'(sum(rate({requests}, code=~"5.."}}[{window}])))\n/\n(sum(rate({requests}}}[{window}])))'
        labels = (("sloth_id", service), ("sloth_window", window))
        rules.append(Rule(ratio, record=f"slo:sli_error:ratio_rate{window}", labels=labels))
    recorded = f"slo:sli_error:ratio_rate5m{{{slo}}}[30d]"
    period = f"sum_over_time({recorded}) / ignoring (sloth_window) count_over_time({recorded})"
    own = (("sloth_id", service),)
    rules += [
        Rule(period, record="slo:sli_error:ratio_rate30d", labels=(*own, ("sloth_window", "30d"))),
        Rule(f"vector({objective / 100})", record="slo:objective:ratio", labels=own),
        Rule(f"vector(1 - {objective / 100})", record="slo:error_budget:ratio", labels=own),
        Rule("vector(30)", record="slo:time_period:days", labels=own),
    ]
    for window, name in (("5m", "current"), ("30d", "period")):
        ratio, allowed = f"slo:sli_error:ratio_rate{window}{{{slo}}}", f"slo:error_budget:ratio{{{slo}}}"
        rate = f"{ratio} / on (sloth_id) group_left {allowed}"
        rules.append(Rule(rate, record=f"slo:{name}_burn_rate:ratio", labels=own))
    left = f"1 - slo:period_burn_rate:ratio{{{slo}}}"
    rules += [
        Rule(left, record="slo:period_error_budget_remaining:ratio", labels=own),
        Rule("vector(1)", record="sloth_slo_info", labels=own),
    ]

    def burn(short: str, long: str, factor: float) -> str:
        threshold = f"({factor} * {budget(objective)})"
        both = " and ".join(
            f"max(slo:sli_error:ratio_rate{window}{{{slo}}} > {threshold}) without (sloth_window)"
            for window in (short, long)
        )
        return f"({both})"

    rules += [
        Rule(f"{burn('5m', '1h', 14.4)} or {burn('30m', '6h', 6)}", severity="page"),
        Rule(f"{burn('2h', '1d', 3)} or {burn('6h', '3d', 1)}", severity="ticket"),
    ]
    return Shape(rules, period, 30)


def pyrra(service: str, objective: float) -> Shape:
    """The increase over the period by status code, a burn rate for each window, four alerts with `for`."""
    selector = f'job="{service}", namespace="{NAMESPACE}"'
    requests = f"http_requests_total{{{selector}"
    own = (("job", service), ("slo", service))
    rules = [
        Rule(
            f"sum by (code) (increase({requests}}}[4w]))",
            every=150,
            record="http_requests:increase4w",
            labels=own,
        ),
        Rule(f"absent({requests}}}) == 1", every=150, severity="page", hold=360),
    ]
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "4d"):
        ratio = f'sum(rate({requests}, code=~"5.."}}[{window}])) / sum(rate({requests}}}[{window}]))'
        rules.append(Rule(ratio, record=f"http_requests:burnrate{window}", labels=own))
    for severity, short, long, factor, hold in (
        ("page", "5m", "1h", 14, 120),
        ("page", "30m", "6h", 7, 900),
        ("ticket", "2h", "1d", 2, 3600),
        ("ticket", "6h", "4d", 1, 10800),
    ):
        threshold = f"({factor} * {budget(objective)})"
        both = " and ".join(
            f'http_requests:burnrate{window}{{job="{service}", slo="{service}"}} > {threshold}'
            for window in (short, long)
        )
        rules.append(Rule(both, severity=severity, hold=hold))
    errors = f'sum(increase({requests}, code=~"5.."}}[4w]))'
    return Shape(rules, f"{errors} / sum(increase({requests}}}[4w]))", 28)


def ours(services: Sequence[str], objective: float) -> dict[str, Shape]:
    """The rules that charts/slo renders for these services, by name."""
    groups = rendered(services, objective)
    return {name: from_groups(groups[name]) for name in services}


def rendered(services: Iterable[str], objective: float, **values: Any) -> dict[str, list[dict[str, Any]]]:
    """The rule groups that charts/slo renders for these services, by name; `workloads` is for them all."""
    given = {"services": {name: entry(objective) for name in services}, **values}
    done = run_helm("template", "bench", ROOT / "charts/slo", "--values", "-", given=json.dumps(given))
    done.check_returncode()
    objects = yaml.load_all(done.stdout, Loader=KubernetesLoader)
    return {o["metadata"]["labels"]["app.kubernetes.io/component"]: o["spec"]["groups"] for o in objects}


def entry(objective: float) -> Mapping[str, Any]:
    """The values of a service whose library is promhttp and that something else scrapes."""
    return {
        "namespace": NAMESPACE,
        "preset": "promhttp",
        "scrape": {"kind": "existing"},
        "slis": {"availability": {"objective": objective}},
    }


def from_groups(groups: list[dict[str, Any]]) -> Shape:
    """A shape from the groups of our PrometheusRule."""
    rules = []
    for group in groups:
        for rule in group["rules"]:
            labels = tuple((key, str(value)) for key, value in rule["labels"].items())
            severity = {"critical": "page"}.get(rule["labels"].get("severity", ""), "ticket")
            rules.append(
                Rule(
                    rule["expr"],
                    every=int(seconds(group["interval"])),
                    record=rule.get("record", ""),
                    labels=labels,
                    severity="" if "record" in rule else severity,
                    hold=int(seconds(rule.get("for", ""))),
                    keep=int(seconds(rule.get("keep_firing_for", ""))),
                )
            )
    ratio = next(rule.expr for rule in rules if rule.record == "slo:bad_requests_per_requests:ratio_rate30d")
    return Shape(rules, ratio, 30)
