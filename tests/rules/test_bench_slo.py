"""`make bench-slo`: its traffic is exact, and its claims hold on short faults and can be missed."""

import pytest
import yaml

from bench.slo import cost, report, results
from bench.slo.compare import ALERTED, all_shapes
from bench.slo.faults import BUDGETS, SILENCE, after
from bench.slo.replay import Evaluated, levels, needed
from bench.slo.results import Budget, Detection, Noise, Results, Times, Touched
from bench.slo.shapes import INTERVAL, Rule
from bench.slo.traffic import ONSET, Case
from lab import ROOT

SHORT = {"history": 80 * 60 - INTERVAL, "watch": 15 * 60}


def rate(t):
    """Ten requests per second; much more before the last 65 minutes, so that windows of hours stay low."""
    return 1000 if t < -65 * 60 else 10


OUTAGE = Case("outage", "Total outage", rate, after(1), **SHORT)
TEN_PERCENT = Case("ten-percent", "10 % fail", rate, after(0.1), **SHORT)
ONE_FAILURE = SILENCE[0]._replace(**SHORT)


def at(case, seconds):
    """The values of all series of requests at a time after the onset, by status code."""
    found = {}
    for name, samples in case.series():
        if "code=" in name:
            code = name.split('code="')[1][:3]
            found[code] = found.get(code, 0) + dict(samples).get(ONSET + seconds, 0)
    return found


def test_counters_count_every_request():
    assert at(OUTAGE._replace(codes=("200", "404")), 0) == {"200": 469454, "404": 469453, "500": 93}
    assert at(OUTAGE, 600) == {"200": 938907, "500": 93 + 6000}
    assert at(ONE_FAILURE, 900) == {"200": 8, "500": 1}


def test_counters_start_again_and_series_are_born_and_absent():
    assert at(OUTAGE._replace(restart="reset"), 0) == {"200": 938907, "500": 93}
    assert at(OUTAGE._replace(restart="reset"), 60) == {"200": 0, "500": 600}
    assert at(OUTAGE._replace(restart="rolling"), 300) == {"200": 0, "500": 5 * (300 + 300 - 120)}
    assert at(OUTAGE._replace(absent=90), 60) == {"200": 0, "500": 0}
    (born,) = [
        s for name, s in OUTAGE._replace(pods=1, ratio=after(1, 0), born=True).series() if "500" in name
    ]
    assert born[0] == (ONSET + INTERVAL, 300)


def test_the_exact_share_counts_only_its_window():
    case = Case("case", "", ratio=lambda t: 0.5 if t < -86400 else 0.25, watch=0, history=2 * 86400)
    assert case.truth(1) == 0.25
    assert case.truth(2) == 0.375


def test_levels_follow_what_rules_read():
    rules = [
        Rule("a:b:c{} + a:b:d{}", record="a:b:e"),
        Rule("x", record="a:b:c"),
        Rule("a:b:c{}", record="a:b:d"),
    ]
    assert needed(rules, ["a:b:d{} > 1"]) == [rules[2], rules[1]]
    ordered = levels([Evaluated(OUTAGE, rule) for rule in rules])
    assert [[one.rule.record for one in level] for level in ordered] == [["a:b:c"], ["a:b:d"], ["a:b:e"]]


@pytest.fixture(scope="module")
def shapes():
    return all_shapes([OUTAGE, TEN_PERCENT, ONE_FAILURE], 99.9)


@pytest.mark.parametrize(
    ("case", "pages"),
    [
        (OUTAGE, {"Sloth": 60, "Pyrra": 180, "ours": 60}),
        (TEN_PERCENT, {"Sloth": 540, "Pyrra": 630, "ours": 540}),
        (ONE_FAILURE, {"Sloth": 600, "Pyrra": 720, "ours": None}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_who_pages_when(promtool, tmp_path, shapes, case, pages):
    """In promtool, which evaluates at the times of the scrapes: no page one evaluation earlier."""
    series = [
        {"series": name, "values": " ".join(map(str, in_order(case, samples)))}
        for name, samples in case.series()
    ]
    for shape, page in pages.items():
        rules = [written(rule, number) for number, rule in enumerate(shapes[case.name][shape].rules)]
        (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": shape, "rules": rules}]}))
        moments = {case.watch: 0} if page is None else {page - INTERVAL: 0, page: 1}
        asked = [
            {
                "expr": 'count(ALERTS{alertname="page", alertstate="firing"}) > bool 0 or vector(0)',
                "eval_time": f"{case.history + moment}s",
                "exp_samples": [{"labels": "{}", "value": value}],
            }
            for moment, value in moments.items()
        ]
        test = {"interval": f"{INTERVAL}s", "input_series": series, "promql_expr_test": asked}
        text = {"rule_files": ["rules.yaml"], "evaluation_interval": f"{INTERVAL}s", "tests": [test]}
        (tmp_path / "tests.yaml").write_text(yaml.safe_dump(text))
        done = promtool("test", "rules", tmp_path / "tests.yaml")
        assert done.returncode == 0, f"{shape}: {done.stdout}{done.stderr}"


def in_order(case, samples):
    """The value at each time of a scrape, `_` where there is none."""
    found = dict(samples)
    return [found.get(ONSET + t, "_") for t in range(-case.history, case.watch + 1, INTERVAL)]


def written(rule, number):
    """A rule as in a rules file."""
    if rule.record:
        return {"record": rule.record, "expr": rule.expr, "labels": dict(rule.labels)}
    times = {"for": f"{rule.hold}s", "keep_firing_for": f"{rule.keep}s"}
    return {"alert": rule.severity, "expr": rule.expr, "labels": {"number": str(number)}, **times}


ON_TIME = Times(60, 240)
RESULTS = Results(
    [Detection("Fault", 99.9, dict.fromkeys(results.SHAPES, ON_TIME))],
    [Noise("Silence", dict.fromkeys(results.SHAPES, (0, 0)))],
    [Budget("Budget", dict.fromkeys(results.SHAPES, 1.0))],
    {"Sloth": Touched(0, 1000), "Pyrra": Touched(0, 2000), "ours": Touched(10_000, 20)},
    [],
)


def missed(changed):
    return [claim.contradictions for claim in results.claims(changed) if claim.contradictions]


def detection(ours, sloth=ON_TIME, **more):
    times = {"Sloth": sloth, "Pyrra": Times(None, None), "ours": ours}
    return RESULTS._replace(detections=[Detection("Fault", 99.9, times, **more)])


def test_claims_hold_with_their_exceptions():
    assert missed(RESULTS) == []
    assert missed(detection(Times(1200, None), guarded=True)) == []
    assert missed(detection(Times(7350, None), sloth=Times(7200, None))) == []
    assert missed(detection(Times(None, 7500), sloth=Times(None, 7200))) == []


@pytest.mark.parametrize(
    "changed",
    [
        detection(Times(90, 240)),
        detection(Times(None, 240)),
        detection(Times(7380, None), sloth=Times(7200, None)),
        detection(Times(None, 7530), sloth=Times(None, 7200)),
        RESULTS._replace(noises=[Noise("Silence", {**RESULTS.noises[0].alerts, "ours": (1, 0)})]),
        RESULTS._replace(noises=[Noise("Silence", {**RESULTS.noises[0].alerts, "ours": (0, 1)})]),
        RESULTS._replace(budgets=[Budget("Budget", {**RESULTS.budgets[0].ratios, "ours": 1.02})]),
        RESULTS._replace(budgets=[Budget("Budget", {**RESULTS.budgets[0].ratios, "ours": float("nan")})]),
        RESULTS._replace(touched={**RESULTS.touched, "ours": Touched(10_000, 31)}),
    ],
)
def test_a_claim_is_missed(changed):
    assert len(missed(changed)) == 1


def test_the_page_in_docs_has_every_case_and_no_missed_claim():
    page = (ROOT / "docs/bench-slo.md").read_text()
    assert "Missed" not in page
    for case in (*ALERTED, *BUDGETS):
        assert f"| {case.title} |" in page
    assert report.table(["A", "B"], [["1", "2"]]) == "| A | B |\n| --- | --- |\n| 1 | 2 |\n"


def test_the_size_of_a_release_grows_with_its_services():
    """Helm stores at most 1 MiB, compressed; each service has a PrometheusRule of its own."""
    one, largest = cost.sizes(["a"])
    three, largest_of_three = cost.sizes(["a", "b", "c"])
    assert one < three < 1.2 * one
    assert three < 1024**2
    assert largest == largest_of_three
