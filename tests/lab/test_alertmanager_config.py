"""Alertmanager's configuration is derived from values and AlertmanagerConfig, and amtool accepts it."""

import subprocess
from pathlib import Path

import pytest
import yaml

from lab import toolchain
from lab.plan import make_plan
from lab.platform import VALUES
from lab.ports import Ports
from lab.render.alertmanager_config import integrations, translate
from lab.render.chart import load_yaml, render_chart
from lab.render.stack import Stack
from lab.servers import alertmanager
from tests.support.chart.alerting import routed

RECORDED = load_yaml(Path(__file__).with_name("operator.yaml").read_text(encoding="utf-8"))


def build(folder, **settings):
    values = {"kube-prometheus-stack": {"alertmanager": settings}}
    return alertmanager.configuration(Stack.of(render_chart(values, value_files=[VALUES])), folder)


def check(config, folder) -> str:
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config.main))
    for name, text in config.templates.items():
        (folder / name).write_text(text)
    command = [toolchain.amtool(), "check-config", folder / "alertmanager.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rendered_configuration_is_valid(render, tmp_path):
    config = alertmanager.configuration(Stack.of(render), tmp_path)
    assert "SUCCESS" in check(config, tmp_path)
    assert "null" in [receiver["name"] for receiver in config.main["receivers"]]


def test_a_route_in_the_values_takes_effect(tmp_path):
    route = {
        "receiver": "null",
        "routes": [{"receiver": "hook", "matchers": ['severity = "critical"']}],
    }
    hook = {"name": "hook", "webhook_configs": [{"url": "http://127.0.0.1:1/"}]}
    config = build(tmp_path, config={"route": route, "receivers": [{"name": "null"}, hook]})
    check(config, tmp_path)
    command = [
        toolchain.amtool(),
        "config",
        "routes",
        "test",
        f"--config.file={tmp_path / 'alertmanager.yml'}",
        "severity=critical",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "hook"


def test_template_files_are_written_next_to_the_configuration(tmp_path):
    config = build(tmp_path, templateFiles={"our.tmpl": '{{ define "our" }}x{{ end }}'})
    assert config.main["templates"] == [f"{tmp_path}/*.tmpl"]
    assert "Found 1 templates" in check(config, tmp_path) or "1 templates" in check(config, tmp_path)


def test_a_configuration_given_as_text_takes_precedence(tmp_path):
    text = "route: {receiver: one}\nreceivers: [{name: one}]\n"
    config = build(tmp_path, stringConfig=text)
    assert config.main == {"route": {"receiver": "one"}, "receivers": [{"name": "one"}], "templates": []}


@pytest.mark.parametrize("retention", ["24h", "120h"])
def test_the_retention_is_taken_from_the_values(tmp_path, retention):
    config = build(tmp_path, alertmanagerSpec={"retention": retention})
    assert config.flags == [f"--data.retention={retention}"]


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["strategy"])
def test_an_alertmanagerconfig_is_added_as_by_the_operator(case, tmp_path):
    expected = RECORDED["configuration"] | case["differs"]
    made = translate(
        RECORDED["main"],
        RECORDED["item"],
        strategy=case["strategy"],
        alertmanager_namespace=case["alertmanager_namespace"],
        integrations=lambda each: integrations(
            each, lambda field, name, key: {field: RECORDED["secrets"][name][key]}
        ),
    )
    assert made == expected
    check(alertmanager.AlertmanagerConfig(made, {}, []), tmp_path)


def test_the_charts_receivers_deliver_to_the_lab(tmp_path):
    """The Secrets with the real addresses exist only in a cluster."""
    hook = {"webhook": {"secret": "hook"}}
    alerting = {"enabled": True, "receivers": {"pager": hook, "chat": hook}, "critical": "pager"}
    render = render_chart({"alerting": alerting}, value_files=[VALUES])
    added = render.find("AlertmanagerConfig")
    config = alertmanager.configuration(
        Stack.of(render), tmp_path, added, alertmanager.webhooks("http://127.0.0.1:1/alerts")
    )
    check(config, tmp_path)
    assert routed(config.main, tmp_path, {"alertname": "A", "severity": "critical"}) == ["pager"]
    urls = [hook["url"] for each in config.main["receivers"] for hook in each.get("webhook_configs", ())]
    assert sorted(urls) == [f"http://127.0.0.1:1/alerts/{name}" for name in ("chat", "pager", "tickets")]
    silent = alertmanager.configuration(Stack.of(render), tmp_path, added)
    check(silent, tmp_path)
    assert not any("webhook_configs" in each for each in silent.main["receivers"])


def test_the_labs_alertmanager_has_the_charts_routes(tmp_path):
    alerting = {"enabled": True, "receivers": {"pager": {"webhook": {"secret": "hook"}}}, "critical": "pager"}
    render = render_chart({"alerting": alerting}, value_files=[VALUES])
    commands = {each.name: each for each in make_plan(render, Ports.free(), tmp_path).commands}
    main = load_yaml(commands["alertmanager"].files["alertmanager.yml"])
    assert routed(main, tmp_path, {"alertname": "A", "severity": "critical"}) == ["pager"]
