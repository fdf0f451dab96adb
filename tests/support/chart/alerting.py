"""Delivery of alerts in tests: values that enable it, and the configuration that Alertmanager then runs."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab import toolchain
from lab.render.alertmanager_config import integrations, translate
from lab.render.chart import Render
from lab.render.stack import Stack

ALERTING = {
    "enabled": True,
    "receivers": {"default": {"webhook": {"secret": "alert-receiver", "key": "url"}}},
    "critical": "default",
}
"""The smallest `alerting` that works."""
SECRETS = {
    "url": "http://127.0.0.1:9/",
    "routingKey": "0" * 32,
    "apiKey": "0" * 32,
    "password": "secret",
}
"""A valid credential for each default key."""


def configuration(
    render: Render,
    *,
    main: Mapping[str, Any] | None = None,
    strategy: str = "",
    namespace: str = "",
    secret: Callable[[str, str], str] = lambda _, key: SECRETS[key],
) -> dict[str, Any]:
    """Alertmanager's configuration after the operator has added the render's AlertmanagerConfig.

    By default that of the bundled Alertmanager; `main`, `strategy` and `namespace` describe another one.
    `secret` returns the content of a Secret's key.
    """
    (item,) = render.find("AlertmanagerConfig")
    values = Stack.of(render).values["alertmanager"]
    return translate(
        values["config"] if main is None else main,
        item,
        strategy=strategy or values["alertmanagerSpec"]["alertmanagerConfigMatcherStrategy"]["type"],
        alertmanager_namespace=namespace or item["metadata"]["namespace"],
        integrations=lambda receiver: integrations(
            receiver, lambda field, name, key: {field: secret(name, key)}
        ),
    )


def routed(config: Mapping[str, Any], folder: Path, labels: Mapping[str, str]) -> list[str]:
    """Our receivers that get an alert with these labels, by their names in the values; `null` is left out."""
    file = folder / "alertmanager.yml"
    text = yaml.safe_dump(config)
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    command = [toolchain.amtool(), "config", "routes", "test", "--config.file", file]
    command += [f"{key}={value}" for key, value in labels.items()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = [name.rpartition("/")[2] for name in done.stdout.strip().split(",") if "/" in name]
    return [name for name in names if name != "null"]


def alerts(render: Render) -> list[dict[str, Any]]:
    """Every alert that the render installs, with all labels that its rule sets."""
    return [
        {**rule, "labels": {"alertname": rule["alert"], **rule.get("labels", {})}}
        for item in render.find("PrometheusRule")
        for group in item["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
