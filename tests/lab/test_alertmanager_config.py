"""Alertmanager's configuration is derived from the values, and amtool accepts it."""

import subprocess

import pytest
import yaml

from lab import toolchain
from lab.platform import VALUES
from lab.render.chart import render_chart
from lab.render.stack import Stack
from lab.servers import alertmanager


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
