"""`make bench-dashboards`: its counts are those of Prometheus, and each dashboard stays within its budget."""

import re
from types import SimpleNamespace

import pytest

from bench.dashboards import cluster, grafana, measure, report, results
from bench.dashboards.count import Samples
from bench.dashboards.measure import END, SHORT_SECONDS
from bench.dashboards.promql import selectors
from bench.dashboards.raw import Rules
from bench.dashboards.results import Cost
from bench.dashboards.series import all_series
from bench.slo.server import Server

NUMBER = re.compile(r"(< )?[\d,]+(\.\d+)?")
RAW_SAMPLES = 100_000
"""Queries on raw series that touch more are compared only by `make bench-dashboards`."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The cluster's series, recorded ones included, and the folder of a Prometheus that has them."""
    folder = tmp_path_factory.mktemp("cost")
    groups = cluster.rule_groups(cluster.render())
    scraped, every = all_series(groups), measure.intervals(groups)
    series = [*scraped, *measure.recorded(folder, groups, scraped)]
    rules = Rules(groups)
    costs = results.costs(series, every, rules)
    return SimpleNamespace(folder=folder, series=series, every=every, rules=rules, costs=costs)


def test_every_rule_records_something(measured):
    assert measured.rules.names <= {one["__name__"] for one in measured.series}


def test_the_cluster_has_every_metric_that_is_queried(measured):
    """Otherwise a query would seem to cost nothing."""
    names = {one["__name__"] for one in measured.series}
    for find in (selectors, measured.rules.selectors):
        queried = [one for cost in measured.costs for one in find(cost.query.expr)]
        assert {one.series.partition("{")[0] for one in queried} - names == set()


def test_every_panel_touches_samples(measured):
    touched = {}
    for cost in measured.costs:
        key = (cost.dashboard, cost.query.panel)
        touched[key] = touched.get(key, 0) + cost.samples
    free = {panel for (_, panel), samples in touched.items() if not samples}
    # Checkout has no faults, and no volumes; nothing is pending.
    assert free <= {
        "annotation Drills",
        "annotation Firing alerts",
        "annotation Pending alerts",
        "How full are the volumes?",
    }


def test_prometheus_reports_the_calculated_samples(measured):
    """Over the last quarter of an hour; `make bench-dashboards` compares 24 hours and 30 days."""
    short = Samples(measured.series, measured.every, END - SHORT_SECONDS, END)
    different = []
    with Server(measured.folder / "data") as server:
        for cost in measured.costs[:: len(results.SPANS)]:
            times = cost.query.times if cost.query.instant else range(END - 600, END + 1, 200)
            query = cost.query._replace(times=times)
            raw = measured.rules.selectors(query.expr)
            asked = {query.expr: selectors(query.expr)}
            if short.touched(raw, query.times) <= RAW_SAMPLES:
                asked[measured.rules.raw(query.expr)] = raw
            for expr, found in asked.items():
                got, _ = measure.touched(server, query._replace(expr=expr))
                if got != short.touched(found, query.times):
                    different.append((got, short.touched(found, query.times), expr))
    assert different == []


def test_the_claims_hold(measured):
    assert [claim for claim in results.claims(measured.costs) if claim.contradictions] == []


def test_every_dashboard_has_a_budget():
    assert sorted(results.BUDGETS) == results.names()


def test_the_page_in_docs_has_the_figures(measured):
    """Within 5 %, so that not every change of a rule needs another run."""
    page = cells(report.PAGE.read_text(encoding="utf-8"))
    for table in (report.dashboards(measured.costs), report.panels(measured.costs)):
        for row, values in cells(table).items():
            assert row in page, f"docs/dashboards-cost.md lacks {row}: run make bench-dashboards"
            assert page[row] == pytest.approx(values, rel=0.05, abs=0.0002), (
                f"docs/dashboards-cost.md is out of date about {row}: run make bench-dashboards"
            )


def cells(text):
    """The rows of Markdown tables: what they are about, and their numbers."""
    found = {}
    for line in text.splitlines():
        if line.startswith("| "):
            row = [cell.strip() for cell in line.strip("|").split("|")]
            numbers = [
                float(cell.replace(",", "").removeprefix("< ")) for cell in row if NUMBER.fullmatch(cell)
            ]
            found[tuple(cell for cell in row if not NUMBER.fullmatch(cell)), len(row)] = numbers
    return found


# --- its parts ----------------------------------------------------------------------------------------

RULES = Rules(
    [
        {
            "rules": [
                {"record": "a:up", "expr": 'sum(up{job="a"})', "labels": {"service": "a"}},
                {"record": "a:up", "expr": 'sum(up{job="b"})', "labels": {"service": "b"}},
                {"record": "a:rate5m", "expr": "sum(rate(x_total[5m] offset 1m)) / 2"},
                {"record": "a:ratio", "expr": r'a:rate5m / sum(rate(y_total{le=~"0\\.5"}[5m]))'},
            ]
        }
    ]
)
RATE, OTHER = "(sum(rate(x_total{}[5m] offset 1m)) / 2)", r'sum(rate(y_total{le=~"0\\.5"}[5m]))'


@pytest.mark.parametrize(
    ("expr", "raw"),
    [
        ("up", "up{}"),
        ('1 - a:up{service="a"} * 2', '1 - (label_replace(sum(up{job="a"}), "service", "a", "", "")) * 2'),
        ("max(a:ratio)", f"max(({RATE} / {OTHER}))"),
        ("avg_over_time(a:rate5m[1d])", RATE.replace("5m", "1d")),
        ("avg_over_time(a:rate5m[1m])", RATE),
        ("sum_over_time(a:rate5m[1h:5m])", f"({RATE.replace('5m', '1h')})"),
        ("a:rate5m offset 2m", RATE.replace("offset 1m", "offset 3m")),
        ('a:up{service="c"}', "(vector(0) < 0)"),
        ("max_over_time(a:ratio[1h])", f"({RATE} / {OTHER})".replace("5m", "1h")),
        (
            'max_over_time(a:up{service=~"b"}[2m])',
            '(label_replace(sum(max_over_time(up{job="b"}[2m])), "service", "b", "", ""))',
        ),
    ],
)
def test_recorded_series_become_the_expressions_of_their_rules(expr, raw):
    assert RULES.raw(expr) == raw
    assert RULES.selectors(expr) == selectors(raw)


def test_a_recorded_series_with_at_is_an_error():
    with pytest.raises(ValueError, match="no counterpart"):
        RULES.raw("a:rate5m @ end()")


@pytest.mark.parametrize(
    ("expr", "touched"),
    [
        ("up", 2 * 3),
        ('up{job="a"} or up{job!~"b|c"}', 3 + 3),
        (r'up{job=~"a\\.?"}', 3),
        ("rate(up[5m])", 2 * 10 * 3),
        ("up offset 10m", 0),
        ("rate(up[2m] offset 5m)", 2 * (0 + 2 + 4)),
        ("sum_over_time(slow[4m])", 2 * 3),
        ("up @ end()", 2 * 3),
        ("up @ 0", 0),
        ("vector(1)", 0),
    ],
)
def test_samples_are_counted_by_series_steps_and_windows(expr, touched):
    series = [{"__name__": name, "job": job} for name, jobs in (("up", "ab"), ("slow", "a")) for job in jobs]
    samples = Samples(series, {"": 30, "slow": 120}, begin=30, end=1000)
    assert samples.touched(selectors(expr), range(300, 421, 60)) == touched


def test_a_subquery_is_not_counted():
    with pytest.raises(ValueError, match="subquery"):
        selectors("max_over_time(up[1h:1m])")


# --- Grafana's rules ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "span", "step"),
    [(24, 86_400, 60), (12, 86_400, 120), (4, 86_400, 300), (12, 30 * 86_400, 3600)],
)
def test_the_step_follows_the_width_of_the_panel(columns, span, step):
    assert grafana.interval(span, grafana.pixels(columns), 30) == step


def test_the_step_is_not_shorter_than_the_scrape_interval():
    assert grafana.interval(3600, 1366, 30) == 30


def test_queries_are_those_of_an_open_dashboard():
    target = {"refId": "A", "expr": 'max_over_time(up{job="$job"}[$__interval])'}
    panel = {"title": "Up", "gridPos": {"w": 12}, "targets": [target | {"range": True}]}
    now = {
        "title": "Now",
        "gridPos": {"w": 4},
        "targets": [target | {"instant": True}, target | {"hide": True}],
    }
    dashboard = {
        "panels": [panel, now, {"title": "Row", "type": "row", "panels": [panel]}],
        "annotations": {"list": [{"name": "Alerts", "enable": True, "expr": "ALERTS"}, {"builtIn": 1}]},
    }
    found = list(grafana.queries(dashboard, END + 7, 86_400, {"job": "a"}))
    assert [one.panel for one in found] == ["Up", "Now", "annotation Alerts"]
    assert found[0].expr == 'max_over_time(up{job="a"}[120s])'
    assert (found[0].times[0] % 120, len(found[0].times), found[0].times.step) == (0, 721, 120)
    assert found[1].times == range(END + 7, END + 8)
    assert found[2].times.step == 900


# --- the claims ---------------------------------------------------------------------------------------


def cost(dashboard, samples, raw, least=None):
    query = grafana.Query("Panel", "A", "up", range(1), False)
    return Cost(dashboard, "24 h", query, samples, raw, least or raw)


@pytest.mark.parametrize(
    ("costs", "missed"),
    [
        ([cost("service", 10, 100)], 0),
        ([cost("service", 10, 99)], 2),
        ([cost("service", 10, 200, 99)], 1),
        ([cost("service", 1, 10), cost("service", 10, 101)], 0),
        ([cost("platform", 10, 10)], 0),
        ([cost("service", results.BUDGETS["service"] + 1, 10**12)], 1),
        ([cost("another", 1, 100)], 1),
    ],
)
def test_a_claim_can_be_missed(costs, missed):
    assert sum(bool(one.contradictions) for one in results.claims(costs)) == missed
