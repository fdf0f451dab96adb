"""The rendered rules pass promtool's checks and follow conventions that promtool does not check."""

import json
import re
import subprocess

import pytest
import yaml

from lab import ROOT, toolchain
from lab.render.chart import RenderError, render_chart

OFF = {"enabled": False}
LINKS = {"runbookUrl": "https://runbooks.example/", "grafanaUrl": "https://grafana.example/"}


def alerts_of(values: dict, name: str = "platform-storage-api") -> dict[str, dict]:
    """The alerts of one PrometheusRule, by name; empty if it does not exist."""
    return {rule["alert"]: rule for rule in rules_of(values, name) if "alert" in rule}


def rules_of(values: dict, name: str) -> list[dict]:
    """All rules of one PrometheusRule; empty if it does not exist."""
    found = render_chart(values).find("PrometheusRule", name)
    return [rule for o in found for group in o["spec"]["groups"] for rule in group["rules"]]


def test_promtool_finds_no_fault(rules, promtool):
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", rules / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_how_severe_it_is_and_what_to_do():
    ours = render_chart({"global": {"monitoring": LINKS}}).ours
    for o in [o for o in ours if o["kind"] == "PrometheusRule"]:
        for rule in [rule for group in o["spec"]["groups"] for rule in group["rules"] if "alert" in rule]:
            labels, texts = rule["labels"], rule["annotations"]
            assert labels["severity"] in ("critical", "warning", "info")
            assert texts["summary"].endswith(".") and texts["description"].endswith(".")
            assert texts["runbook_url"] == f"https://runbooks.example/{labels['runbook']}"
            assert texts["dashboard_url"].startswith("https://grafana.example/d/")
            assert "for" in rule or "keep_firing_for" in rule


def test_links_are_left_out_without_urls(own_alerts):
    for rule in own_alerts.values():
        assert rule["annotations"].keys() == {"summary", "description"}


def test_alerts_keep_the_labels_that_route_them(own_alerts):
    """An AlertmanagerConfig gets only alerts with its namespace, which inhibition compares too."""
    for name, rule in own_alerts.items():
        kept = set(re.search(r"by \(([^)]+)\)", rule["expr"])[1].split(", ")) | rule["labels"].keys()
        assert {"namespace", "job"} <= kept, name


def test_own_alerts_select_only_the_release(own_alerts):
    """Each selector names the namespace, and the job or the claim of this release."""
    for name, rule in own_alerts.items():
        if not name.startswith("StorageApi"):
            continue
        selectors = re.findall(r"\w+\{([^}]*)\}", rule["expr"])
        assert selectors
        for selector in selectors:
            assert selector.startswith('namespace="observability", ')
            assert re.search(r'(job|persistentvolumeclaim)="platform-storage-api"', selector)


def test_thresholds_are_taken_from_the_values():
    alerts = {
        "saturated": {"for": "1m", "severity": "critical", "queuedRequests": 7},
        "storeErrors": {"ratio": 0.2},
        "diskFilling": {"within": "2d"},
        "objectsNotServed": {"reads": 9},
    }
    found = alerts_of(
        {"storage-api": {"prometheusRule": {"alerts": alerts}, "store": {"minFreeBytes": 123456789}}}
    )
    assert found["StorageApiSaturated"]["for"] == "1m"
    assert found["StorageApiSaturated"]["labels"]["severity"] == "critical"
    assert ">= 7" in found["StorageApiSaturated"]["expr"]
    assert "> 0.2\n" in found["StorageApiStoreErrors"]["expr"]
    assert found["StorageApiDiskFilling"]["expr"].count(", 172800) < 123456789") == 2
    assert "> 8.5\n" in found["StorageApiObjectsNotServed"]["expr"]
    platform = {
        "scrapeSlow": {"seconds": 2.5, "for": "3m", "severity": "info"},
        "samplesOverBudget": {"samples": 1000000, "excludeJobs": ["a.b", 'c"d']},
    }
    found = alerts_of({"platformAlerts": platform}, "platform-platform")
    assert "> 2.5\n" in found["TargetScrapeSlow"]["expr"]
    assert (found["TargetScrapeSlow"]["for"], found["TargetScrapeSlow"]["labels"]["severity"]) == (
        "3m",
        "info",
    )
    over = found["TargetSamplesOverBudget"]["expr"]
    assert over.endswith(r'{job!~"a\\.b|c\"d"}) > 1000000')
    no_exclusion = {"platformAlerts": {"samplesOverBudget": {"excludeJobs": []}}}
    found = alerts_of(no_exclusion, "platform-platform")
    assert found["TargetSamplesOverBudget"]["expr"].endswith(
        "(scrape_samples_post_metric_relabeling) > 50000"
    )


def test_the_dashboards_compare_targets_with_the_thresholds_of_the_alerts():
    """The dashboard Platform shows how near each target is to the two alerts on targets."""
    platform = {
        "scrapeSlow": {"seconds": 2.5},
        "samplesOverBudget": {"samples": 1000, "excludeJobs": ["kubelet"]},
    }

    def budgets(values: dict) -> dict[str, str]:
        rules = rules_of({"platformAlerts": values}, "platform-platform")
        return {rule["record"]: rule["expr"] for rule in rules if "record" in rule}

    of_the_target = "max by (namespace, job, pod, instance) (scrape_samples_post_metric_relabeling"
    assert budgets(platform) == {
        "platform:scrape_duration_budget:seconds": "vector(2.5)",
        "platform:scrape_samples_budget:ratio": of_the_target + '{job!~"kubelet"}) / 1000',
    }
    assert budgets({"scrapeSlow": OFF}).keys() == {"platform:scrape_samples_budget:ratio"}
    assert budgets({"samplesOverBudget": OFF}).keys() == {"platform:scrape_duration_budget:seconds"}


@pytest.mark.parametrize(
    "key", ["saturated", "notReady", "storeErrors", "storeFull", "diskFilling", "objectsNotServed"]
)
def test_a_disabled_alert_is_left_out(own_alerts, key):
    found = alerts_of({"storage-api": {"prometheusRule": {"alerts": {key: OFF}}}})
    expected = {name for name in own_alerts if name.startswith("StorageApi")}
    assert expected - found.keys() == {f"StorageApi{key[0].upper()}{key[1:]}"}


def test_without_alerts_there_is_no_rule():
    storage_api = {"store": {"type": "memory"}, "config": {"metricsDisabled": ["http_request_count"]}}
    storage_api["prometheusRule"] = {"alerts": {"saturated": OFF, "storeErrors": OFF}}
    assert alerts_of({"storage-api": storage_api}) == {}
    assert (
        alerts_of({"platformAlerts": {"scrapeSlow": OFF, "samplesOverBudget": OFF}}, "platform-platform")
        == {}
    )


@pytest.mark.parametrize(
    ("family", "gone"),
    [
        ("http_server_threads", {"StorageApiSaturated"}),
        ("storage_operations", {"StorageApiStoreErrors"}),
        ("http_request_count", {"StorageApiNotReady", "StorageApiStoreFull", "StorageApiObjectsNotServed"}),
    ],
)
def test_an_alert_whose_metric_is_disabled_is_left_out(own_alerts, family, gone):
    found = alerts_of({"storage-api": {"config": {"metricsDisabled": [family]}}})
    assert {name for name in own_alerts if name.startswith("StorageApi")} - found.keys() == gone
    for rule in found.values():
        assert f"{family}_total{{" not in rule["expr"] and f"{family}{{" not in rule["expr"]


@pytest.mark.parametrize(
    "storage_api",
    [
        {"store": {"type": "memory"}},
        {"store": {"type": "s3", "s3": {"bucket": "objects"}}},
        {"store": {"persistence": {"enabled": False}}},
    ],
)
def test_only_a_volume_can_fill(storage_api):
    assert "StorageApiDiskFilling" not in alerts_of({"storage-api": storage_api})


def test_the_volume_is_that_of_the_existing_claim():
    found = alerts_of({"storage-api": {"store": {"persistence": {"existingClaim": "objects"}}}})
    assert 'persistentvolumeclaim="objects"' in found["StorageApiDiskFilling"]["expr"]


@pytest.mark.parametrize(
    ("values", "installed"),
    [
        ({}, True),
        ({"kube-prometheus-stack": OFF}, False),
        ({"kube-prometheus-stack": {"prometheus": OFF}}, False),
        ({"kube-prometheus-stack": OFF, "platformAlerts": {"enabled": True}}, True),
        ({"platformAlerts": OFF}, False),
    ],
)
def test_the_platforms_alerts_are_installed_with_prometheus(values, installed):
    assert bool(alerts_of(values, "platform-platform")) == installed


def durations(rule: dict) -> list[float]:
    """Milliseconds of all durations in a rule's expression and waiting time."""
    units = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
    found = re.findall(r"(?<=[\[:])(\d+)(ms|[smhd])(?=[\]:])", rule["expr"]) + re.findall(
        r"(\d+)(ms|[smhd])", rule["for"]
    )
    return [int(number) * units[unit] for number, unit in found]


def test_speed_shortens_every_duration(own_alerts):
    fast = {"global": {"monitoring": {"speed": 60}}}
    faster = alerts_of(fast) | alerts_of(fast, "platform-platform")
    assert faster.keys() == own_alerts.keys()
    for name, rule in own_alerts.items():
        assert [60 * each for each in durations(faster[name])] == durations(rule), name
        assert durations(rule)
    assert ", 1440) <" in faster["StorageApiDiskFilling"]["expr"]


def test_speed_reaches_the_service_levels():
    (rule,) = render_chart({"global": {"monitoring": {"speed": 60}}}).find(
        "PrometheusRule", "platform-slo-platform-storage-api"
    )
    assert "[5000ms]" in yaml.safe_dump(rule) and "[5m]" not in yaml.safe_dump(rule)


@pytest.mark.parametrize("chart", ["slo", "storage-api"])
@pytest.mark.parametrize("speed", ["fast", 0, 1.5, 3601])
def test_a_wrong_speed_is_refused_by_a_chart_installed_alone(chart, speed):
    values = {"global": {"monitoring": {"speed": speed}}}
    if chart == "slo":
        values["services"] = {"checkout": {"namespace": "shop", "preset": "otel-http"}}
    command = [toolchain.helm(), "template", "r", ROOT / "charts" / chart, "--values", "-"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
    assert (
        f"global.monitoring.speed: {speed} is not allowed; use a whole number from 1 to 3600" in done.stderr
    )


@pytest.mark.parametrize(
    "rule",
    [
        {"alerts": {"down": {"for": "1m"}}},
        {"alerts": {"errorRatioHigh": OFF}},
        {"runbookUrl": "https://r.example"},
    ],
)
def test_values_of_the_replaced_alerts_are_refused(rule):
    with pytest.raises(
        RenderError, match=r"additional properties '(down|errorRatioHigh|runbookUrl)' not allowed"
    ):
        render_chart({"storage-api": {"prometheusRule": rule}})
