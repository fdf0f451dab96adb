"""The NOTES after an installation describe what was installed."""

import re

import pytest

from lab import ROOT
from lab.render.chart import load_yaml
from tests.support.chart.alerting import ALERTING
from tests.support.chart.axes import presets
from tests.support.chart.notes import notes

STACK = "kube-prometheus-stack"
WITHOUT_STACK = {STACK: {"enabled": False}}
API_TEST_OFF = {"storage-api": {"tests": {"enabled": False}}}
TESTS_OFF = {"tests": {"enabled": False}}


@pytest.mark.parametrize(
    "values",
    [
        {},
        API_TEST_OFF,
        TESTS_OFF,
        {**API_TEST_OFF, **TESTS_OFF},
        {**API_TEST_OFF, **WITHOUT_STACK},
        {"storage-api": {"enabled": False}},
    ],
)
def test_the_notes_mention_helm_test_only_if_there_is_a_test(rendered, values):
    tests = [o for o in rendered(values).ours if o["kind"] == "Pod"]
    assert ("helm test platform" in notes(values)) == bool(tests)


OPERATOR_LABELS = [
    *(({}, files) for name, files in presets().items() if name == "byo-operator"),
    (WITHOUT_STACK, []),
    ({**WITHOUT_STACK, "global": {"monitoring": {"labels": {"release": "mine", "team": "a"}}}}, []),
    (
        {
            **WITHOUT_STACK,
            "global": {"monitoring": {"labels": {"team": "a"}}},
            "storage-api": {"serviceMonitor": {"labels": {"team": "b"}}},
            "alerting": {**ALERTING, "labels": {"release": "c"}},
        },
        [],
    ),
    ({**WITHOUT_STACK, "storage-api": {"serviceMonitor": {"enabled": False}}}, []),
    ({**WITHOUT_STACK, "storage-api": {"enabled": False}}, []),
]


@pytest.mark.parametrize(("values", "files"), OPERATOR_LABELS)
def test_the_notes_list_the_labels_of_each_monitoring_object(rendered, values, files):
    printed = {
        kind: dict(pair.split("=") for pair in pairs.split())
        for kind, pairs in re.findall(r"^  (\w+): (\S+=.*)$", notes(values, value_files=files), re.MULTILINE)
    }
    kinds = ("ServiceMonitor", "PrometheusRule", "AlertmanagerConfig")
    objects = {
        o["kind"]: o for o in rendered(values, value_files=list(map(str, files))).ours if o["kind"] in kinds
    }
    assert printed.keys() == objects.keys()
    for kind, labels in printed.items():
        assert "release" in labels
        assert labels.items() <= objects[kind]["metadata"]["labels"].items(), kind


GROUPS = load_yaml((ROOT / "files/stack-alerts.yaml").read_text())
STACK_ALERTS = [alert for alerts in GROUPS.values() for alert in alerts]
RULES = {"rules": {"alertmanager": False}, "disabled": {"Watchdog": True}}


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({}, []),
        (RULES, ["AlertmanagerFailedReload", "AlertmanagerFailedToSendAlerts", "Watchdog"]),
        (
            {"create": False},
            sorted(STACK_ALERTS),
        ),
    ],
)
def test_the_notes_name_disabled_alerts_on_the_monitoring_itself(rules, named):
    text = notes({STACK: {"defaultRules": rules}})
    (line,) = re.findall(r"\(kube-prometheus-stack.defaultRules\).*: (.+)\.$", text, re.MULTILINE) or [""]
    assert sorted(filter(None, line.split(", "))) == named


def test_the_notes_point_to_the_alerts_that_another_prometheus_needs():
    assert "docs/alerts.md" in notes(WITHOUT_STACK)
    assert "docs/alerts.md" not in notes({})


@pytest.mark.parametrize(
    ("disabled", "left_out"),
    [(["http_server_threads"], "StorageApiSaturated"), (["storage_objects"], None), ([], None)],
)
def test_the_notes_name_alerts_without_metrics(disabled, left_out):
    text = notes({"storage-api": {"config": {"metricsDisabled": disabled}}})
    # The notes of the storage API's chart say it too.
    assert set(re.findall(r"left out: (.+)\.$", text, re.MULTILINE)) == ({left_out} if left_out else set())


@pytest.mark.parametrize("enabled", [True, False])
def test_the_notes_mention_dashboards_only_if_they_are_installed(enabled):
    text = notes({**WITHOUT_STACK, "dashboards": {"enabled": enabled}})
    assert ("The dashboards are ConfigMaps with the labels grafana_dashboard=1," in text) == enabled


def test_the_notes_print_the_path_prefix_of_each_part():
    server = {"serve_from_sub_path": True, "root_url": "https://example.com/grafana"}
    text = notes(
        {
            STACK: {
                "prometheus": {"prometheusSpec": {"routePrefix": "/prometheus"}},
                "alertmanager": {"alertmanagerSpec": {"routePrefix": "/alerts"}},
                "grafana": {"grafana.ini": {"server": server}},
            }
        }
    )
    addresses = {9090: "/prometheus", 9093: "/alerts", 3000: "/grafana,"}
    for port, path in addresses.items():
        assert re.search(rf"http://localhost:{port}{path}\s", text)
