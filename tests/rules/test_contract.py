"""What dashboards, rules and alerts read exists, with its labels; and what the storage API emits is read.

What exists: the metrics of the storage API, those that presets name, the records of our own rules, and the
series of other programs that contract.yaml lists.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import promql_parser as promql
import pytest

from lab import ROOT
from lab.render.chart import load_yaml, render_chart
from tests.support.documents import DOCUMENTS, each_dashboard, expressions
from tests.support.promql import labels, selectors, walk
from tools.service_metrics import exposed_name, families

CONTRACT = load_yaml((Path(__file__).parent / "contract.yaml").read_text(encoding="utf-8"))
PRESETS = load_yaml((ROOT / "charts/slo/files/presets.yaml").read_text(encoding="utf-8"))
TARGET = {"namespace", "service", "pod", "container", "endpoint", "job", "instance"}
"""Labels that the operator gives to each target of a ServiceMonitor."""
_QUERY = re.compile(r"query `([^`]+)`")


@functools.cache
def rules(*presets: str) -> tuple[dict, ...]:
    """Every rule that the chart can render, also for a service of each of these presets."""
    services = {
        name: {"preset": name, "metrics": {"bounds": []}, "slis": {"latency": {"threshold": 1}}}
        for name in presets
    }
    values = {
        "slo": {"services": services, "defaults": {"alerts": {"trafficMissing": {"enabled": True}}}},
        "storage-api": {"faults": {"enabled": True}},
    }
    objects = [o for o in render_chart(values).ours if o["kind"] == "PrometheusRule"]
    return tuple(rule for o in objects for group in o["spec"]["groups"] for rule in group["rules"])


def read_by(rule: Mapping) -> list[str]:
    """The PromQL of a rule: its expression, and the queries in an alert's texts."""
    return [rule["expr"], *_QUERY.findall(" ".join(rule.get("annotations", {}).values()))]


def of_services() -> dict[str, set[str]]:
    """Name -> labels of each series of the storage API, and of the metrics that presets name."""
    found: dict[str, set[str]] = {}
    for family in families():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels, TARGET)
    for preset in PRESETS.values():
        metrics = preset["metrics"]
        errors = {label for matchers in metrics["errors"].values() for label in matchers}
        own = {
            *preset["labels"].values(),
            *errors,
            *preset.get("match", {}),
            *preset.get("excludeRegex", {}),
            *TARGET,
        }
        found.setdefault(metrics["requests"], set()).update(own)
        if metrics["duration"]:
            for suffix in ("count", "sum", "bucket"):
                found.setdefault(f"{metrics['duration']}_{suffix}", set()).update(own, {"le"})
        if "version" in preset:
            found.setdefault(preset["version"]["metric"], set()).update({preset["version"]["label"]}, TARGET)
    # Exposed by the usual client libraries in each language; without it the start of the container counts.
    found.setdefault("process_start_time_seconds", set()).update(TARGET)
    return found


@functools.cache
def known() -> dict[str, set[str]]:
    """Name -> labels of every series that may be read."""
    found = of_services()
    for source in CONTRACT["sources"].values():
        for name, own in source["metrics"].items():
            found[name] = {*own, *source["target"]}
    found |= {"ALERTS": {"alertname", "alertstate"}, "ALERTS_FOR_STATE": {"alertname"}}
    # Records read other records: as often as labels are still added.
    before = -1
    while before != (before := sum(map(len, found.values()))):
        for rule in rules(*PRESETS):
            own = {
                *(labels(promql.parse(rule["expr"]), lambda s: found.get(s.name)) or ()),
                *rule.get("labels", ()),
            }
            for name in [rule["record"]] if "record" in rule else ("ALERTS", "ALERTS_FOR_STATE"):
                found.setdefault(name, set()).update(own)
    return found


def of(selector: promql.VectorSelector) -> set[str]:
    return known().get(selector.name, set())


def faults(expression: str) -> Iterator[str]:
    """Metrics that do not exist, and labels that a metric or an operand does not have."""
    tree = promql.parse(expression)
    for selector in selectors(tree):
        if selector.name not in known():
            yield f"there is no series {selector.name}"
        yield from (
            f"{selector.name} has no label {matcher.name}"
            for matcher in selector.matchers.matchers
            if matcher.name not in of(selector)
        )
    for node in walk(tree):
        yield from _missing(node)


def _missing(node: promql.Expr) -> Iterator[str]:
    """Labels that a node names but its operands do not have."""
    named: list[tuple[promql.Expr, str]] = []
    if isinstance(node, promql.AggregateExpr) and node.modifier:
        named = [(node.expr, label) for label in node.modifier.labels]
    elif isinstance(node, promql.BinaryExpr) and node.modifier and node.modifier.matching:
        matching = node.modifier.matching
        if matching.type == promql.LabelModifierType.Include:
            named = [(side, label) for side in (node.lhs, node.rhs) for label in matching.labels]
    elif isinstance(node, promql.Call) and node.func.name == "label_replace" and node.args[3].val:
        named = [(node.args[0], node.args[3].val)]
    for operand, label in named:
        if label not in (labels(operand, of) or set()):
            yield f"{operand} has no label {label}"


@each_dashboard
def test_panels_read_what_exists(document):
    found = {where: list(faults(query)) for where, query in expressions(document).items()}
    assert {where: lines for where, lines in found.items() if lines} == {}


def test_rules_and_alerts_read_what_exists():
    found = {query: list(faults(query)) for rule in rules(*PRESETS) for query in read_by(rule)}
    assert len(found) > 300
    assert {query: lines for query, lines in found.items() if lines} == {}


def all_read() -> set[str]:
    """Names of the series that dashboards and the rules without presets read."""
    queries = [query for document in DOCUMENTS.values() for query in expressions(document).values()]
    queries += [query for rule in rules() for query in read_by(rule)]
    return {selector.name for query in queries for selector in selectors(promql.parse(query))}


def test_each_metric_of_the_storage_api_is_read_or_has_a_reason():
    series = {exposed_name(family): {sample.name for sample in family.samples} for family in families()}
    read = all_read()
    assert {name for name, own in series.items() if not own & read} == CONTRACT["unused"].keys()


def test_the_contract_lists_nothing_that_is_not_read():
    listed = {name for source in CONTRACT["sources"].values() for name in source["metrics"]}
    assert listed - all_read() == set()


@pytest.mark.parametrize("source", ["kube-state-metrics", "cadvisor", "kubelet"])
def test_the_contract_agrees_with_what_a_cluster_exposed(source):
    """Labels that are exposed are listed, and those that are listed are exposed by at least one series."""
    text = (ROOT / f"tests/dashboards/recorded/{source}.txt").read_text(encoding="utf-8")
    exposed: dict[str, set[str]] = {}
    for name, own in re.findall(r"^(\w+)\{(.*)\} ", text, re.MULTILINE):
        exposed.setdefault(name, set()).update(re.findall(r'(\w+)="', own))
    sources = CONTRACT["sources"].values()
    listed = {name: {*own, "namespace"} for part in sources for name, own in part["metrics"].items()}
    assert exposed
    for name in exposed.keys() & listed.keys():
        # The network belongs to the whole pod: there the label `container` is empty.
        empty = {"container"} if name.startswith("container_network") else set()
        assert exposed[name] - empty == listed[name], name


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("sum(service:request:rate)", "there is no series service:request:rate"),
        ('service:requests:rate{service="a"}', "service:requests:rate has no label service"),
        ("sum by (pod) (service:requests:rate)", "service:requests:rate{} has no label pod"),
        ("up * on (route) group_left () service:state", "up{} has no label route"),
        ('label_replace(up, "a", "$1", "b", "(.*)")', "up{} has no label b"),
        ("rate(http_requests[5m])", "there is no series http_requests"),
    ],
)
def test_a_broken_query_is_noticed(query, fault):
    assert fault in list(faults(query))
