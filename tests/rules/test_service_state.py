"""service:state tells a service without traffic from a healthy one."""

import pytest
import yaml

from lab.render.chart import render_chart

TARGET = 'namespace="shop", job="checkout", instance="a"'
LABELS = 'namespace="shop", slo_service="checkout"'


@pytest.mark.parametrize(
    ("requests", "state"),
    [
        ({}, 1),  # this library exposes nothing before the first request
        ({"200": "5x20"}, 1),
        ({"200": "0+60x20"}, 0),
        ({"200": "0+60x20", "500": "0x20"}, 0),
    ],
    ids=["never-any", "none-now", "some", "no-errors"],
)
def test_a_service_without_requests_has_no_traffic(promtool, tmp_path, requests, state):
    service = {"namespace": "shop", "preset": "flask-exporter", "scrape": {"port": "http"}}
    (rule,) = render_chart({"slo": {"services": {"checkout": service}}}).find(
        "PrometheusRule", "platform-slo-checkout"
    )
    series = [{"series": f"up{{{TARGET}}}", "values": "1x20"}]
    for status, values in requests.items():
        matchers = f'{TARGET}, method="GET", status="{status}"'
        series.append({"series": f"flask_http_request_total{{{matchers}}}", "values": values})
        duration = f"flask_http_request_duration_seconds_{{}}{{{{{matchers}{{}}}}}}"
        for name, bound in (("count", ""), ("bucket", ', le="0.5"')):
            series.append({"series": duration.format(name, bound), "values": values})
    expected = {
        "expr": "service:state",
        "eval_time": "9m",
        "exp_samples": [{"labels": f"service:state{{{LABELS}}}", "value": state}],
    }
    test = {"interval": "30s", "input_series": series, "promql_expr_test": [expected]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"]))
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
    done = promtool("test", "rules", tmp_path / "test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
