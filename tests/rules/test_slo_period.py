"""The share of bad requests over the period, on recorded rates of which every sum is known."""

import pytest
import yaml

from bench.slo.shapes import rendered

MINUTES = 24 * 60
CHECKOUT = '{namespace="shop", slo="checkout-availability"}'


def test_busy_days_weigh_more_and_the_period_is_read_every_five_minutes(promtool, tmp_path):
    """A quiet day of 20 % failures between busy ones. promtool allows 10,000 samples, of 14,400."""
    groups = rendered(["checkout"], 99.9, period="10d")["checkout"]
    expressions = {rule["record"]: rule["expr"] for g in groups for rule in g["rules"] if "record" in rule}

    def series(record, quiet, busy):
        values = f"{busy}x{6 * MINUTES - 1} {quiet}x{MINUTES - 1} {busy}x{3 * MINUTES}"
        return {
            "series": f"slo:{record}:avg5m_rate5m{CHECKOUT}",
            "values": values,
        }

    asked = {"slo:bad_requests_per_requests:ratio_rate10d": 0.2 / 901, "slo:period_covered:ratio": 1}
    test = {
        "interval": "1m",
        "input_series": [series("requests", 1, 100), series("bad_requests", 0.2, 0)],
        "promql_expr_test": [
            {
                "expr": f"sum(round({expressions[record]}, 1e-6))",
                "eval_time": "10d",
                "exp_samples": [{"labels": "{}", "value": round(value, 6)}],
            }
            for record, value in asked.items()
        ],
    }
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"tests": [test]}))
    done = promtool("test", "rules", tmp_path / "tests.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("minute", range(10, 15))
def test_each_recorded_rate_counts_once(promtool, tmp_path, minute):
    """Errors every five minutes: whenever it is read, the mean over five minutes has them."""
    groups = rendered(["checkout"], 99.9)["checkout"]
    (expression,) = [
        rule["expr"]
        for group in groups
        for rule in group["rules"]
        if rule.get("record") == "slo:bad_requests:avg5m_rate5m"
    ]
    series = {"series": f"slo:bad_requests:rate5m{CHECKOUT}", "values": "0 0 0 0 10 " * 4}
    asked = {
        "expr": f"sum({expression})",
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": "{}", "value": 2}],
    }
    test = {"interval": "1m", "input_series": [series], "promql_expr_test": [asked]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"tests": [test]}))
    done = promtool("test", "rules", tmp_path / "tests.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
