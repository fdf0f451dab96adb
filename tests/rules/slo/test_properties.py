"""Properties of charts/slo for any valid values: Prometheus takes the rules, and thresholds make sense."""

import itertools
import json
import re
import subprocess

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lab import ROOT, toolchain
from tests.support import answers
from tests.support.slo.rules import RECORDED, key, rendered

QUICK = settings(
    deadline=None,
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=list(HealthCheck),
)
NAMES = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,6}){0,2}", fullmatch=True)
LABELS = st.sampled_from(["job", "code", "reporter", "zone"])
# Values that need escaping in PromQL, YAML, regular expressions or Prometheus' templates.
TEXTS = st.one_of(
    st.sampled_from(['a"b', "a\\b", "{{ x", "a\nb", "${1}", "it's", "é", "`", "%d", "#", ": ", "5.."]),
    st.text(st.characters(min_codepoint=32, max_codepoint=1000, exclude_categories=["Cs"]), max_size=8),
)
PATTERNS = st.sampled_from(["5..", "a|b", 'a"b.*', r"\d+", "{{.*", "it's", ".+"])
OBJECTIVES = st.decimals(min_value="0.001", max_value="99.999", places=3).map(lambda value: f"{value:f}")
ENABLED = st.sampled_from(["auto", False])
WINDOWS = ["5m", "10m", "30m", "1h", "2h", "3h", "6h", "12h", "1d", "3d", "7d"]


@st.composite
def burn_rates(draw):
    short, long = sorted(draw(st.sets(st.sampled_from(range(len(WINDOWS))), min_size=2, max_size=2)))
    return {
        "long": WINDOWS[long],
        "short": WINDOWS[short],
        "budgetPercent": draw(st.sampled_from([0.5, 1, 2, 5, 10, 33.3, 100])),
    }


@st.composite
def services(draw):
    presets = [
        "otel-http",
        "otel-http-old",
        "otel-rpc",
        "flask-exporter",
        "grpc",
        "spring",
        "istio",
        "traefik",
    ]
    return {
        "namespace": draw(st.sampled_from(["shop", "n", "0-0", "a" * 63])),
        "preset": draw(st.sampled_from(presets)),
        "match": draw(st.dictionaries(LABELS.filter(lambda label: label != "job"), TEXTS, max_size=2)),
        "regexMatch": draw(st.dictionaries(LABELS, PATTERNS, max_size=1)),
        "excludeRegex": draw(st.dictionaries(LABELS, PATTERNS, max_size=1)),
        "slis": {
            "availability": {"objective": draw(OBJECTIVES)},
            "latency": {"objective": draw(OBJECTIVES), "threshold": 5, "enabled": draw(ENABLED)},
        },
        "metrics": {"lazy": draw(st.booleans()), "bounds": []},
        "version": draw(st.sampled_from([{}, {"metric": "app_info", "label": "version"}])),
        "workload": draw(st.sampled_from(["", "checkout", "check.out-2"])),
        "minBadRequests": draw(st.integers(1, 1000)),
        "alerts": {"trafficMissing": {"enabled": draw(st.booleans())}},
    }  # fmt: skip


@st.composite
def values(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=lambda name: name.replace("-", "")))
    return {
        "services": {name: draw(services()) for name in names},
        "period": draw(st.sampled_from(["30d", "28d", "90d"])),
        "interval": draw(st.sampled_from(["15s", "30s"])),
        "burnRates": {
            severity: draw(st.lists(burn_rates(), max_size=2)) for severity in ("critical", "warning")
        },
        "global": {
            "monitoring": {"runbookUrl": "https://runbooks.example", "grafanaUrl": "https://grafana.example"}
        },
    }


def unique_pairs(drawn):
    """A pair of windows is part of the records' labels, and so are not allowed twice."""
    return all(
        len({(rate["long"], rate["short"]) for rate in rates}) == len(rates)
        for rates in drawn["burnRates"].values()
    )


@pytest.mark.timeout(600)
def test_any_valid_values_render_rules_that_promtool_accepts_with_unique_names(draws, tmp_path):
    count = itertools.count()

    @settings(QUICK, max_examples=draws(4, 30))
    @given(values().filter(unique_pairs))
    def check(drawn):
        groups = rendered(drawn)
        file = tmp_path / f"{next(count)}.yaml"
        file.write_text(yaml.safe_dump({"groups": groups}))
        command = [str(toolchain.promtool()), "check", "rules", "--lint=all", "--lint-fatal", str(file)]
        done = answers.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

        rules = [rule for group in groups for rule in group["rules"]]
        names = [key(rule) for rule in rules if rule.get("record") != "service:requests:rate"]
        assert len(names) == len(set(names))
        assert len({group["name"] for group in groups}) == len(groups)
        assert all(len(group["rules"]) <= 20 for group in groups)
        recorded = {rule.get("record") for rule in rules}
        read = {name for rule in rules for name, _ in RECORDED.findall(rule["expr"])}
        # Without burn rates there is nothing to be near to.
        assert read - {"slo:alert_progress:ratio"} <= recorded

    check()


@pytest.mark.timeout(300)
def test_the_order_of_keys_and_the_way_of_setting_values_make_no_difference(draws):
    def reverse(value):
        if isinstance(value, dict):
            return {name: reverse(value[name]) for name in reversed(value)}
        return value

    @settings(QUICK, max_examples=draws(2, 10))
    @given(values().filter(unique_pairs))
    def check(drawn):
        assert rendered(drawn) == rendered(reverse(drawn))
        # --set-json sets each service by itself, as --set does for single values.
        rest = {name: value for name, value in drawn.items() if name != "services"}
        command = [str(toolchain.helm()), "template", "proof", str(ROOT / "charts" / "slo"), "--values", "-"]
        for name, service in drawn["services"].items():
            command += ["--set-json", f"services.{name}={json.dumps(service)}"]
        done = subprocess.run(command, input=json.dumps(rest), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        objects = [o for o in yaml.safe_load_all(done.stdout) if o and o["kind"] == "PrometheusRule"]
        assert [group for o in objects for group in o["spec"]["groups"]] == rendered(drawn)

    check()


BOUNDS = st.one_of(
    st.decimals(min_value="0.0001", max_value="99999", places=4).map(
        lambda number: f"{number.normalize():f}"
    ),
    st.integers(1, 10**9).map(str),
    st.sampled_from(["0.5", "1", "10", "100", "1000000", "2500000", "0.00001", "0.000025"]),
)


def test_the_pattern_of_a_bound_matches_each_way_to_write_it_and_no_other_bound(draws):
    @settings(QUICK, max_examples=draws(4, 30))
    @given(st.lists(BOUNDS, min_size=12, max_size=12, unique_by=float))
    def check(bounds):
        # One render for many bounds: each is the threshold of a service of its own.
        service = {
            "namespace": "shop",
            "preset": "promhttp",
            "metrics": {"duration": "seconds", "bounds": []},
        }
        drawn = {
            f"s{number}": {**service, "slis": {"latency": {"threshold": bound}}}
            for number, bound in enumerate(bounds)
        }
        rules = [rule for group in rendered({"services": drawn}) for rule in group["rules"]]
        for number, bound in enumerate(bounds):
            (rule,) = (
                r
                for r in rules
                if r.get("record") == "slo:bad_requests:rate5m" and r["labels"]["slo"] == f"s{number}-latency"
            )
            pattern = json.loads(re.search(r'le=~("(?:[^"\\]|\\.)*")', rule["expr"])[1])
            matches = {other for other in spellings(bounds) if re.fullmatch(pattern, other)}
            assert matches >= set(spellings([bound])), (bound, pattern)
            assert {float(other) for other in matches} == {float(bound)}, (bound, pattern)
            for near in (f"1{bound}", f"{bound}1", bound.replace(".", "0"), f"{bound}.00", f"{bound}0"):
                if float(near if near.count(".") < 2 else "nan") != float(bound):
                    assert not re.fullmatch(pattern, near), (bound, near)

    check()


def spellings(bounds):
    """How clients write bounds: as a decimal, whole numbers with .0 too, and with an exponent as Go does."""
    for bound in bounds:
        decimal = bound.rstrip("0").rstrip(".") if "." in bound else bound
        yield decimal
        if "." not in decimal:
            yield f"{decimal}.0"
        mantissa, exponent = f"{float(bound):.17e}".split("e")
        if int(exponent) >= 21 or int(exponent) < -4:
            mantissa = repr(float(bound)).split("e")[0] if "e" in repr(float(bound)) else mantissa
            yield f"{mantissa.removesuffix('.0')}e{int(exponent):+03d}"


def test_label_values_survive_escaping(draws):
    @settings(QUICK, max_examples=draws(3, 20))
    @given(st.lists(TEXTS, min_size=10, max_size=10))
    def check(texts):
        service = {"namespace": "shop", "preset": "promhttp"}
        drawn = {f"s{number}": {**service, "match": {"zone": text}} for number, text in enumerate(texts)}
        rules = [rule for group in rendered({"services": drawn}) for rule in group["rules"]]
        for number, text in enumerate(texts):
            expr = next(
                r["expr"]
                for r in rules
                if r.get("record") == "slo:requests:rate5m"
                and r["labels"]["slo"] == f"s{number}-availability"
            )
            found = re.search(r'zone=("(?:[^"\\]|\\.)*")', expr)[1]
            assert unquoted(found) == text

    check()


def unquoted(text):
    """A string of PromQL, which has Go's escapes: those of JSON, and \\a \\v \\x7f."""
    text = re.sub(r"\\x([0-9a-f]{2})", r"\\u00\1", text)
    return json.loads(text.replace("\\a", "\\u0007").replace("\\v", "\\u000b"))


def test_a_total_outage_pages_and_a_ratio_within_the_budget_never_does(draws):
    @settings(QUICK, max_examples=draws(4, 30))
    @given(
        st.lists(OBJECTIVES, min_size=10, max_size=10),
        st.lists(burn_rates(), min_size=1, max_size=2),
        st.sampled_from(["30d", "28d", "90d", "8d"]),
    )
    def check(objectives, rates, period):
        service = {"namespace": "shop", "preset": "promhttp"}
        drawn = {
            f"s{number}": {**service, "slis": {"availability": {"objective": objective}}}
            for number, objective in enumerate(objectives)
        }
        chart = {"services": drawn, "period": period, "burnRates": {"critical": rates, "warning": []}}
        rules = [rule for group in rendered(chart) for rule in group["rules"]]
        for number, objective in enumerate(objectives):
            thresholds = [
                float(re.fullmatch(r"vector\((.*)\)", rule["expr"])[1])
                for rule in rules
                if rule.get("record") == "slo:burn_threshold:ratio"
                and rule["labels"]["slo"] == f"s{number}-availability"
            ]
            budget = 1 - float(objective) / 100
            assert thresholds
            for threshold in thresholds:
                # The alert's own numbers are the recorded ones, and it compares with >.
                assert threshold < 1, "a total outage does not page"
                assert threshold >= budget * (1 - 1e-9), "a ratio within the budget pages"

    check()
