"""What an alert says: its labels, its figures and its links."""

import pytest
import yaml

from tests.support.slo.case import SERVICE, promtool
from tests.support.slo.rules import key, needed, rendered
from tests.support.slo.series import TARGET, counter, gauge, latencies, requests, selector

RUNBOOKS, GRAFANA = "https://runbooks.example/platform/", "https://grafana.example"
DASHBOARD = f"{GRAFANA}/d/own-dashboard?var-namespace=shop&var-service=checkout"
UP = {selector("up", **TARGET): gauge([("30m", 1)])}
TOTAL = selector("http_requests_total", **TARGET, code="200")
NO_LABEL = selector("http_requests_total", **TARGET)
BUDGET = "Used of that error budget: "

CASES = {
    ("CheckoutAvailabilityBudgetBurn", "critical", "availability-budget-burn"): (
        requests([("30m", 10, 0.25)]),
        "shop/checkout: 25% of requests fail, too many for the objective of 99.9%.",
        f"Measured over 1h or 6h; at most 0.1% may do so over 30d. {BUDGET}250 times over.",
    ),
    ("CheckoutLatencyBudgetBurn", "warning", "latency-budget-burn"): (
        latencies([("30m", 10, 0.05)]),
        "shop/checkout: 5% of requests take longer than 0.5 s, too many for the objective of 99%.",
        f"Measured over 1d or 3d; at most 1% may do so over 30d. {BUDGET}500%.",
    ),
    ("CheckoutDown", "critical", "target-down"): (
        {selector("up", **TARGET): gauge([("30m", 0)])},
        "shop/checkout: none of its 1 targets can be scraped.",
        "For 5m, 1 targets were expected and none answered. "
        "Targets are selected by `up{job='checkout', namespace='shop'}`.",
    ),
    ("CheckoutMetricsMissing", "warning", "metrics-missing"): (
        UP,
        "shop/checkout: 1 of its targets answer, but without the metrics of its service levels.",
        "For 15m, 1 targets were up and none had `http_requests_total` "
        "with the labels {job='checkout', namespace='shop'}.",
    ),
    ("CheckoutAvailabilityIndicatorBroken", "warning", "indicator-broken"): (
        {**UP, NO_LABEL: counter([("30m", 1)])},
        "shop/checkout: 1 requests per second, but no error can be seen: the metric lacks the label code.",
        "No series of `http_requests_total` has the label code that tells errors from successes.",
    ),
    ("CheckoutLatencyIndicatorBroken", "warning", "indicator-broken"): (
        {**UP, TOTAL: counter([("30m", 1)])},
        "shop/checkout: no latency can be measured, "
        "because the histogram is missing or lacks the threshold 0.5 s.",
        "`http_request_duration_seconds` is missing or has no bucket at 0.5 (seconds); "
        "set slis.latency.threshold to a bound that it has, or slis.latency.enabled to false.",
    ),
    ("CheckoutTrafficMissing", "warning", "traffic-missing"): (
        {TOTAL: counter([("168h", 10), ("12h", 0.5)], "20m")},
        "shop/checkout: 0.5 requests per second, less than a tenth of a week ago.",
        "A week ago there were 10 requests per second in the same hour.",
    ),
}
# Figures that need many digits.
LARGE = {
    ("CheckoutAvailabilityBudgetBurn", "critical", "availability-budget-burn"): (
        requests([("30m", 10, 1)]),
        "shop/checkout: 100% of requests fail, too many for the objective of 99.9%.",
        f"Measured over 1h or 6h; at most 0.1% may do so over 30d. {BUDGET}1000 times over.",
    ),
    ("CheckoutAvailabilityIndicatorBroken", "warning", "indicator-broken"): (
        {**UP, NO_LABEL: counter([("30m", 2490)])},
        "shop/checkout: 2490 requests per second, but no error can be seen: the metric lacks the label code.",
        "No series of `http_requests_total` has the label code that tells errors from successes.",
    ),
    ("CheckoutTrafficMissing", "warning", "traffic-missing"): (
        {TOTAL: counter([("168h", 24900), ("12h", 1245)], "20m")},
        "shop/checkout: 1245 requests per second, less than a tenth of a week ago.",
        "A week ago there were 24900 requests per second in the same hour.",
    ),
}


@pytest.mark.parametrize(("alert", "expected"), [*CASES.items(), *LARGE.items()], ids=lambda each: each[0])
def test_an_alert_tells_its_figures_and_leads_to_its_runbook_and_dashboard(tmp_path, alert, expected):
    name, severity, runbook = alert
    series, summary, description = expected
    service = {**SERVICE, "metrics": {**SERVICE["metrics"], "lazy": False}, "dashboard": "own-dashboard"}
    values = {
        "services": {"checkout": service},
        "global": {"monitoring": {"runbookUrl": RUNBOOKS, "grafanaUrl": GRAFANA}},
    }
    rules = [rule for group in rendered(values) for rule in group["rules"]]
    rule = next(r for r in rules if r.get("alert") == name and r["labels"]["severity"] == severity)
    assert rule["labels"]["runbook"] == runbook
    labels = {"namespace": "shop", "slo_service": "checkout", "severity": severity, "runbook": runbook}
    if "slo" in rule["labels"]:
        indicator = "latency" if "Latency" in name else "availability"
        labels |= {"slo": f"checkout-{indicator}", "slo_indicator": indicator}
    annotations = {
        "summary": summary,
        "description": description,
        "runbook_url": f"https://runbooks.example/platform/{runbook}",
        "dashboard_url": DASHBOARD,
    }
    groups = needed(rendered(values), [name], map(str, rule["annotations"].values()), texts=True)
    for group in groups:  # without the same alert of the other severity
        group["rules"] = [r for r in group["rules"] if r.get("alert") != name or key(r) == key(rule)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    # A week is long: every 20 minutes is often enough.
    time, step = ("180h", "20m") if runbook == "traffic-missing" else ("30m", "30s")
    fires = [{"exp_labels": labels, "exp_annotations": annotations}]
    test = {
        "interval": step,
        "input_series": [{"series": each, "values": text} for each, text in series.items()],
        "alert_rule_test": [{"eval_time": time, "alertname": name, "exp_alerts": fires}],
    }
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": step,
        "group_eval_order": [group["name"] for group in groups],
        "tests": [test],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(document))
    status, told = promtool([tmp_path / "test.yaml"])
    assert status == 0, told
