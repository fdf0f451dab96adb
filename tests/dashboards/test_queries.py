"""The tests' own implementation of Grafana's rules for intervals and variables."""

import pytest

from lab import ROOT
from tests.support.dashboard import Dashboard, TimeRange, _promql, interpolate


@pytest.mark.parametrize(
    "seconds, scrape, interval, rate_interval",
    [
        (300, 5, 5, 20),
        (3600, 15, 15, 60),
        (3600, 1, 3.6, 4.6),
        (86400, 30, 86.4, 120),
        (864000, 30, 864, 894),
    ],
)
def test_interval_and_rate_interval(seconds, scrape, interval, rate_interval):
    shown = TimeRange(0, seconds, scrape)
    assert (shown.interval, shown.rate_interval) == (interval, pytest.approx(rate_interval))


def test_built_in_variables_are_prometheus_durations():
    assert TimeRange(0, 3600, 1).variables() == {
        "__interval": "3600ms",
        "__rate_interval": "4600ms",
        "__range": "3600000ms",
    }


@pytest.mark.parametrize(
    "text", ["up{job='$job'}", "up{job='${job}'}", "up{job='[[job]]'}", "up{job='${job:regex}'}"]
)
def test_every_notation_of_a_variable_is_replaced(text):
    assert interpolate(text, {"job": "api"}) == "up{job='api'}"


def test_the_longest_matching_name_is_replaced():
    assert interpolate("$job_name $job", {"job": "a"}, {"job_name": "b"}) == "b a"


def test_an_unknown_variable_is_an_error():
    with pytest.raises(KeyError, match="nothing"):
        interpolate("$nothing", {"job": "a"})


@pytest.mark.parametrize(
    "values, several, text",
    [
        (["a.b"], False, "a.b"),
        (['a"b\\c'], False, r"a\"b\\c"),
        (["a.b"], True, r"a\\.b"),
        (["a", "b.c"], True, r"(a|b\\.c)"),
        (["a-b"], True, "a-b"),
        (["a\\b"], True, r"a\\\\b"),
    ],
)
def test_values_are_escaped_for_promql(values, several, text):
    assert _promql(values, several=several) == text


def test_queries_include_the_panels_of_collapsed_rows():
    target = {"refId": "A", "expr": "up"}
    panels = [
        {"title": "One", "targets": [target]},
        {"title": "Row", "type": "row", "collapsed": True, "panels": [{"title": "Two", "targets": [target]}]},
    ]
    assert [query.panel for query in Dashboard({"panels": panels}).queries()] == ["One", "Two"]


def test_every_shipped_dashboard_has_queries():
    for path in (ROOT / "dashboards").glob("*.json"):
        assert list(Dashboard.read(path).queries())
