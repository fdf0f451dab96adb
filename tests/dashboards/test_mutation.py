"""Small faults in panels, and the score of README.md; test_truth.py, which has the lab, runs them."""

import re

from tests.dashboards.mutation import mutate
from tests.support.dashboard.mutants import metrics, mutants
from tests.support.documents import DOCUMENTS, data_panels
from tests.support.mutation import score

PANEL = {
    "title": "Up",
    "targets": [
        {
            "refId": "A",
            "expr": 'min by (job, pod) (min_over_time(up{job="$job", state="good"}[$__interval])) > 0',
            "legendFormat": "{{job}} {{pod}}",
        },
        {"refId": "B", "expr": "down", "exemplar": True},
    ],
    "fieldConfig": {
        "defaults": {"unit": "s"},
        "overrides": [{"matcher": {"options": "B"}, "properties": [{"id": "unit", "value": "short"}]}],
    },
}


def test_the_readme_tells_a_score_that_is_high_enough():
    told = re.search(r"[\d.]+", mutate.SUBJECT.told())
    assert told and float(told[0]) >= score.LEAST, "run make mutate"


def test_every_dashboard_has_mutants_with_names_of_their_own():
    found = mutate.all_mutants()
    assert {mutant.dashboard for mutant in found} == set(DOCUMENTS)
    assert len({mutant.name for mutant in found}) == len(found)


def test_each_reason_is_that_of_a_mutant():
    names = [mutant.name for mutant in mutate.all_mutants()]
    for pattern in (*mutate.SUBJECT.reasons, *mutate.SUBJECT.equals):
        assert any(re.search(pattern, name) for name in names), pattern


def test_mutants_change_each_part_of_a_panel():
    found = {mutant.what: mutant.panel for mutant in mutants("d", [PANEL], ["down", "up"])}
    exprs = {panel["targets"][0]["expr"] for panel in found.values()}
    series = 'up{job="$job", state="good"}'
    aggregated = f"(min_over_time({series}[$__interval])) > 0"
    assert exprs >= {
        f"min by (job) {aggregated}",
        f"min by (job, pod) {aggregated.replace('up{', 'down{')}",
        f"min by (job, pod) {aggregated.replace('good', 'good-x')}",
    }
    assert "A legend {{job}} {{pod}} → {{another}} {{pod}}" in found
    assert found["unit s → ms"]["fieldConfig"]["defaults"]["unit"] == "ms"
    assert (
        found["unit of B short → bytes"]["fieldConfig"]["overrides"][0]["properties"][0]["value"] == "bytes"
    )
    plain = {"".join(expr.split()).replace("{}", "") for expr in exprs}
    selected = 'up{job="$job",state="good"}'
    for changed in (
        f"max by (job, pod)(min_over_time({selected}[$__interval])) > 0",
        f"min by (job, pod)(min_over_time({selected}[$__interval])) < 0",
        f"min by (job, pod)(min_over_time({selected}[7m])) > 0",
        f"min by (job, pod)(max_over_time({selected}[$__interval])) > 0",
        f"min(min_over_time({selected}[$__interval])) > 0",
        'min by (job, pod)(min_over_time(up{state="good"}[$__interval])) > 0',
    ):
        assert "".join(changed.split()) in plain, changed
    assert all(panel["targets"][1] == PANEL["targets"][1] for panel in found.values())


def test_metrics_are_those_of_all_queries():
    assert metrics([PANEL]) == {"up", "down"}
    assert metrics(panel for document in DOCUMENTS.values() for panel in data_panels(document)) >= {
        "slo_info"
    }
