"""The rendered rules pass promtool's checks and follow conventions that promtool does not check."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from lab.render.chart import render_chart

HERE = Path(__file__).parent


def all_rules(folder, kind):
    groups = yaml.safe_load((folder / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def test_promtool_finds_no_fault(rules, promtool):
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", rules / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", sorted(HERE.glob("*.yaml")), ids=lambda path: path.name)
def test_promtools_unit_tests_pass(rules, promtool, tmp_path, file):
    shutil.copy(rules / "rules.yaml", tmp_path)
    shutil.copy(file, tmp_path)
    done = promtool("test", "rules", tmp_path / file.name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_unit_test(rules):
    tested = "".join(path.read_text() for path in HERE.glob("*.yaml"))
    for name in [r["record"] for r in all_rules(rules, "record")] + [
        r["alert"] for r in all_rules(rules, "alert")
    ]:
        assert name in tested


def test_recording_rules_are_named_level_metric_operations(rules):
    for rule in all_rules(rules, "record"):
        assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule["record"])


def test_alerts_have_severity_duration_summary_and_description(rules):
    for rule in all_rules(rules, "alert"):
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert {"summary", "description"} <= rule["annotations"].keys()
        assert rule["for"]


def test_alerts_keep_the_namespace_label_that_routes_them(rules):
    """An AlertmanagerConfig gets only alerts with its namespace, which inhibition compares too."""
    for rule in all_rules(rules, "alert"):
        assert 'namespace="observability"' in rule["expr"]
        assert not re.search(r"\bby \((?!namespace)", rule["expr"])


def test_thresholds_and_runbooks_are_taken_from_the_values():
    alerts = {
        "down": {"for": "1m", "severity": "warning"},
        "errorRatioHigh": {"threshold": 0.2, "for": "2m", "severity": "critical"},
    }
    values = {"prometheusRule": {"runbookUrl": "https://runbooks.example/", "alerts": alerts}}
    (rule,) = [o for o in render_chart({"storage-api": values}).ours if o["kind"] == "PrometheusRule"]
    down, ratio = (r for g in rule["spec"]["groups"] for r in g["rules"] if "alert" in r)
    assert (down["for"], down["labels"]["severity"]) == ("1m", "warning")
    assert (ratio["for"], ratio["labels"]["severity"]) == ("2m", "critical")
    assert ratio["expr"].endswith("> 0.2")
    assert down["annotations"]["runbook_url"] == "https://runbooks.example/StorageApiDown"
    assert ratio["annotations"]["runbook_url"] == "https://runbooks.example/StorageApiErrorRatioHigh"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({"serviceMonitor": {"enabled": False}}, False),
        ({"replicas": 0}, False),
        (
            {
                "replicas": 0,
                "autoscaling": {"enabled": True},
                "store": {"type": "s3", "s3": {"bucket": "objects"}},
            },
            True,
        ),
    ],
)
def test_missing_targets_are_alerted_on_only_if_targets_are_expected(promtool, tmp_path, values, expected):
    """Without a ServiceMonitor, or with 0 replicas, the alert would never stop firing."""
    (rule,) = [o for o in render_chart({"storage-api": values}).ours if o["kind"] == "PrometheusRule"]
    down = {"namespace": "observability", "job": "platform-storage-api", "pod": "a"}
    gone = {"namespace": "observability", "job": "platform-storage-api"}

    def case(name, series, alerts):
        fires = [{"exp_labels": {**labels, "severity": "critical"}} for labels in alerts]
        asked = {"eval_time": "20m", "alertname": "StorageApiDown", "exp_alerts": fires}
        return {"name": name, "interval": "30s", "input_series": series, "alert_rule_test": [asked]}

    def without_texts(group):
        return {
            **group,
            "rules": [{k: v for k, v in r.items() if k != "annotations"} for r in group["rules"]],
        }

    labels = ", ".join(f'{key}="{value}"' for key, value in down.items())
    series = f"up{{{labels}}}"
    tests = [
        case("no target", [], [gone] if expected else []),
        case("a target is down", [{"series": series, "values": "0x60"}], [down]),
    ]
    groups = {"groups": [without_texts(group) for group in rule["spec"]["groups"]]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(groups))
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": tests}))
    done = promtool("test", "rules", tmp_path / "tests.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
