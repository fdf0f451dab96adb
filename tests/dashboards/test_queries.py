"""The tests' own implementation of Grafana's rules for intervals and variables."""

import pytest

from tests.support.dashboard.frames import Column, transform
from tests.support.dashboard.picture import draw
from tests.support.dashboard.shown import Unsupported
from tests.support.dashboard.sources import Series
from tests.support.dashboard.variables import ALL, TimeRange, interpolate, promql, resolve


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
def test_values_are_escaped_forpromql(values, several, text):
    assert promql(values, several=several) == text


class Answers:
    """A source that answers every query with the same series, and every variable with the same options."""

    def __init__(self, *series: Series, options: tuple[str, ...] = ()) -> None:
        self.series = list(series)
        self.options = options

    def query(self, target, variables, shown):
        return self.series

    def label_values(self, label, selector):
        return list(self.options)


SHOWN = TimeRange(0, 60, 15)
MULTI = {
    "name": "job",
    "type": "query",
    "query": {"query": "label_values(up, job)"},
    "multi": True,
    "includeAll": True,
}


@pytest.mark.parametrize(
    "chosen, value",
    [({}, "(a|b.c)"), ({"job": [ALL]}, "(a|b.c)"), ({"job": ["a"]}, "a"), ({"job": ["b.c", "a"]}, "(b.c|a)")],
)
def test_a_variable_has_its_initial_or_its_chosen_options(chosen, value):
    model = {"templating": {"list": [MULTI]}}
    values, options = resolve(model, Answers(options=("b.c", "a")), chosen)
    assert (values, options) == ({"job": value.replace(".", "\\\\.")}, {"job": ["a", "b.c"]})


@pytest.mark.parametrize(
    "variable, chosen",
    [(MULTI, ["none"]), (MULTI | {"includeAll": False}, [ALL]), (MULTI | {"regex": "x"}, [])],
)
def test_a_choice_that_does_not_exist_is_an_error(variable, chosen):
    with pytest.raises(ValueError, match="job"):
        resolve({"templating": {"list": [variable]}}, Answers(options=("a",)), {"job": chosen})


def panel(kind: str, *targets: dict, **more) -> dict:
    given = [{"refId": ref, "expr": "up"} | target for ref, target in zip("ABC", targets, strict=False)]
    return {"title": "One", "type": kind, "targets": given} | more


TABLE = {"format": "table", "instant": True}


def test_a_legend_is_filled_in_and_overrides_apply_to_it():
    unit = {"matcher": {"id": "byRegexp", "options": "/^5/"}, "properties": [{"id": "unit", "value": "s"}]}
    config = {"defaults": {"unit": "short"}, "overrides": [unit]}
    one, other = (Series({"code": code}, ((0.0, 1.0),)) for code in ("500", "200"))
    picture = draw(
        panel("timeseries", {"legendFormat": "{{code}} {{none}}"}, fieldConfig=config),
        Answers(one, other),
        {},
        SHOWN,
    )
    assert [(name, line.unit) for name, line in picture.lines] == [("500 ", "s"), ("200 ", "short")]


def test_a_heatmap_shows_each_bucket_without_the_lower_ones():
    series = [
        Series({"le": le}, ((0.0, value),)) for le, value in (("+Inf", 5.0), ("0.1", 2.0), ("1.0", 5.0))
    ]
    picture = draw(
        panel("heatmap", {"format": "heatmap", "legendFormat": "{{le}}"}), Answers(*series), {}, SHOWN
    )
    assert [(name, line.value) for name, line in picture.lines] == [("0.1", 2), ("1.0", 3), ("+Inf", 0)]


def test_tables_are_merged_by_the_columns_that_all_queries_have():
    steps = [{"id": "merge"}, {"id": "organize", "options": {"renameByName": {"Value #A": "Rate"}}}]
    rows = draw(
        panel("table", TABLE, TABLE, transformations=steps),
        Answers(Series({"pod": "a"}, ((60.0, 1.0),)), Series({"pod": "b"}, ((60.0, 2.0),))),
        {},
        SHOWN,
    ).rows
    assert [{title: cell.value for title, cell in row.items()} for row in rows] == [
        {"Time": 60, "pod": "a", "Rate": 1, "Value #B": 1},
        {"Time": 60, "pod": "b", "Rate": 2, "Value #B": 2},
    ]


def column(name: str, ref: str, *values: str | float | None) -> Column:
    return Column(name, list(values), ref)


def test_a_row_is_merged_into_every_row_with_which_it_agrees():
    """As in Grafana: rows stay where they first appeared, and the result has a reference of its own."""
    rates = [
        column("pod", "A", "a", "b", "a"),
        column("code", "A", "200", "200", "500"),
        column("Value #A", "A", 1.0, 2.0, 3.0),
    ]
    limits = [column("pod", "B", "a", "c", "a"), column("Value #B", "B", 7.0, 8.0, 9.0)]
    assert transform({"id": "merge"}, [rates, limits]) == [
        [
            column("pod", "merge-A-B", "a", "b", "a", "c", "a"),
            column("code", "merge-A-B", "200", "200", "500", None, None),
            column("Value #A", "merge-A-B", 1.0, 2.0, 3.0, None, None),
            column("Value #B", "merge-A-B", 7.0, None, 7.0, 8.0, 9.0),
        ]
    ]


@pytest.mark.parametrize(
    ("pods", "ascending"),
    [
        (["pod-10", "Pod-9", "pod-2"], ["pod-2", "Pod-9", "pod-10"]),
        (["b", None, "a"], [None, "a", "b"]),
    ],
)
def test_rows_are_sorted_as_grafana_sorts_them(pods, ascending):
    series = [Series({"pod": pod} if pod else {}, ((60.0, 1.0),)) for pod in pods]
    for desc, wanted in ((False, ascending), (True, ascending[::-1])):
        options = {"sortBy": [{"displayName": "pod", "desc": desc}]}
        rows = draw(panel("table", TABLE, options=options), Answers(*series), {}, SHOWN).rows
        assert [row["pod"].value for row in rows] == wanted


def test_an_override_by_query_applies_to_each_column_of_its_table_until_it_is_merged():
    unit = {"matcher": {"id": "byFrameRefID", "options": "A"}, "properties": [{"id": "unit", "value": "s"}]}
    config = {"defaults": {"unit": "short"}, "overrides": [unit]}
    answers = Answers(Series({"pod": "a"}, ((60.0, 1.0),)))
    (row,) = draw(panel("table", TABLE, fieldConfig=config), answers, {}, SHOWN).rows
    assert {title: cell.unit for title, cell in row.items()} == {"Time": "s", "pod": "s", "Value": "s"}
    merged = panel("table", TABLE, TABLE, fieldConfig=config, transformations=[{"id": "merge"}])
    (row,) = draw(merged, answers, {}, SHOWN).rows
    assert {cell.unit for cell in row.values()} == {"short"}


@pytest.mark.parametrize(
    "strange",
    [
        panel("table", TABLE, transformations=[{"id": "joinByField"}]),
        panel("table", TABLE, transformations=[{"id": "filterFieldsByName", "options": {"exclude": {}}}]),
        panel("table", TABLE, TABLE),
        panel("table", {"format": "table"}),
        panel("timeseries", {}, transformations=[{"id": "merge"}]),
        panel("stat", {}, fieldConfig={"overrides": [{"matcher": {"id": "byValue"}, "properties": []}]}),
        panel("stat", {}, fieldConfig={"defaults": {"mappings": [{"type": "new", "options": {}}]}}),
    ],
)
def test_what_is_not_supported_is_an_error(strange):
    with pytest.raises(Unsupported):
        draw(strange, Answers(Series({"pod": "a"}, ((60.0, 1.0),))), {}, SHOWN)
