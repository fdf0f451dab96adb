"""Every panel of every dashboard shows what the client of the proof counted itself; see truth/__init__.py."""

import re
from collections import Counter
from contextlib import nullcontext
from typing import Any

import pytest

from tests.dashboards.mutation import mutate
from tests.dashboards.truth import compare, module, verify
from tests.dashboards.truth.report import PAGE
from tests.support.dashboard.picture import annotations
from tests.support.dashboard.variables import resolve
from tests.support.documents import DOCUMENTS, data_panels
from tests.support.proof.client import count
from tests.support.proof.lab import CHECKOUT, STAGING, STORAGE
from tests.support.proof.run import PROVEN, grafana_source

PANELS = {
    f"{name}: {panel['title']}": (name, panel) for name in PROVEN for panel in data_panels(DOCUMENTS[name])
}
_RATE = re.compile(r"rate\((\w+\{[^}]*\})\[[^\]]*\]\)")
# The record, how many requests it counts, and the fields of a request by which it does so.
COUNTED = {
    "service:requests:rate": {"code": "status", "outcome": "outcome"},
    "service:route_requests:rate": {"route": "route", "method": "method", "outcome": "outcome"},
    "service:pod_requests:rate": {"pod": "pod", "outcome": "outcome"},
}


@pytest.mark.parametrize("dashboard", PROVEN)
def test_each_panel_has_an_expectation_and_each_expectation_a_panel(dashboard):
    titles = [panel["title"] for panel in data_panels(DOCUMENTS[dashboard])]
    assert sorted(module(dashboard).PANELS.truths) == sorted(titles)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_is_in_the_table_of_what_is_compared(panel):
    dashboard, model = PANELS[panel]
    assert f"| {DOCUMENTS[dashboard]['title']} | {model['title']} | " in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_shows_shows_the_truth(proof, panel):
    dashboard, model = PANELS[panel]
    found = list(compare(dashboard, model, proof))
    assert found, "nothing was compared"
    assert [str(one) for one in found if one.differs] == []


@pytest.mark.parametrize("dashboard", PROVEN)
def test_the_variables_offer_exactly_what_exists(proof, dashboard):
    truth = module(dashboard)
    for view in truth.VIEWS:
        _, options = resolve(proof.model(dashboard), proof.source, view.variables)
        assert options == truth.variables(proof.seen(view)), view


@pytest.mark.parametrize("dashboard", PROVEN)
def test_the_marks_on_the_graphs_are_what_happened(proof, dashboard):
    truth = module(dashboard)
    for view in truth.VIEWS:
        seen = proof.seen(view)
        chosen, _ = resolve(proof.model(dashboard), proof.source, view.variables)
        assert annotations(proof.model(dashboard), proof.source, chosen, seen.shown) == truth.marks(seen), (
            view
        )


def test_a_grafana_shows_the_truth_too(proof):
    source = grafana_source(proof.lab)
    if source is None:
        pytest.skip(
            "MISSING: no Grafana on PATH or in GRAFANA_HOME: its /api/ds/query and provisioning stay unproven"
        )
    for name in PROVEN:
        assert source.dashboard(DOCUMENTS[name]["uid"]) == DOCUMENTS[name]
        for panel in data_panels(DOCUMENTS[name]):
            assert verify(name, panel, proof.through(source)) == []


# --- what the panels rest on ---------------------------------------------------------------------------


def totals(proof, rule: dict[str, Any], at: float) -> Counter[tuple[tuple[str, str], ...]]:
    """The counters behind a recording rule of rates, by its labels: without rate(), it gives totals."""
    expression, changed = _RATE.subn(r"(\1)", rule["query"])
    assert changed, rule["query"]
    found: Counter[tuple[tuple[str, str], ...]] = Counter()
    for series in proof.lab.prometheus.query(expression, at):
        labels = dict(series["metric"]) | rule["labels"]
        found[tuple(sorted(labels.items()))] += int(float(series["value"][1]))
    return +found


@pytest.mark.parametrize("record", COUNTED)
@pytest.mark.parametrize("service", [STORAGE, CHECKOUT, STAGING], ids=lambda service: service[1])
def test_the_counters_behind_the_rates_are_exact(proof, record, service):
    where = dict(zip(("namespace", "slo_service"), service, strict=True))
    rules = [
        rule
        for rule in proof.lab.prometheus.rules()
        if rule["name"] == record and where.items() <= rule["labels"].items()
    ]
    assert {rule["labels"]["outcome"] for rule in rules} == {"good", "bad"}
    for moment in proof.counts:
        sent = [one for one in moment.sent if one.service == service]
        expected = {
            tuple(sorted((where | dict(zip(COUNTED[record], key, strict=True))).items())): number
            for key, number in count(sent, *COUNTED[record].values()).items()
        }
        found = sum((totals(proof, rule, moment.at) for rule in rules), Counter())
        assert found == expected


def test_every_rule_is_loaded_and_healthy(proof):
    rules = proof.lab.prometheus.rules()
    rendered = [
        rule.get("alert") or rule["record"]
        for item in proof.lab.rules()
        for group in item["spec"]["groups"]
        for rule in group["rules"]
    ]
    assert sorted(rule["name"] for rule in rules) == sorted(rendered)
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def test_the_targets_are_labelled_as_in_a_cluster(proof):
    for process in proof.lab.pods:
        instance = process.url.removeprefix("http://")
        (found,) = [
            t["labels"] for t in proof.lab.prometheus.targets() if t["labels"]["instance"] == instance
        ]
        namespace, service = process.service
        assert found == {
            "namespace": namespace,
            "service": service,
            "job": service,
            "pod": process.pod,
            "container": "checkout" if process.service == CHECKOUT else "storage-api",
            "endpoint": "http",
            "instance": instance,
        }


def test_prometheus_sends_its_alerts_to_our_alertmanager(proof):
    found = proof.lab.prometheus.get("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    assert [one["url"] for one in found] == [f"{proof.lab.alertmanager.url}/api/v2/alerts"]


@pytest.mark.timeout(600)
def test_small_faults_in_panels_are_noticed(proof, draws):
    """The same sample in each run; `make mutate` runs more, for the score in README.md."""
    assert mutate.run(draws(8, 60), False, lambda: nullcontext(proof)).unexplained() == []
