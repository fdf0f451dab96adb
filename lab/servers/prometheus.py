"""Prometheus, configured as the operator would configure it from the same render, with static targets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab import toolchain
from lab.command import Command
from lab.ports import Ports
from lab.render.chart import Render
from lab.render.discovery import Pod
from lab.render.scrape_configs import fields, scrape_configs
from lab.render.stack import Stack
from lab.servers.config_check import require_valid

_GLOBAL_FIELDS = (
    "scrapeInterval",
    "scrapeTimeout",
    "evaluationInterval",
    "ruleQueryOffset",
    "scrapeProtocols",
    "scrapeNativeHistograms",
    "scrapeClassicHistograms",
)
# Settings that the lab does not support; `make up` names those that are set.
_NOT_CARRIED = (
    "additionalScrapeConfigs",
    "additionalAlertManagerConfigs",
    "additionalAlertRelabelConfigs",
    "remoteRead",
    "remoteWrite",
    "scrapeClasses",
    "thanos",
    "tracingConfig",
    "enforcedNamespaceLabel",
    "prometheusExternalLabelName",
    "replicaExternalLabelName",
)
_NO_UI = (
    "<!doctype html><title>Prometheus</title><p>This Prometheus was built without its web UI. "
    'The <a href="/user/">preview of the dashboards</a> shows its targets and alerts; its API has '
    '<a href="/api/v1/rules">its rules</a> and <a href="/api/v1/status/config">its configuration</a>.'
)


@dataclass
class PrometheusConfig:
    """Configuration files and flags, and a list of what they leave out."""

    main: dict[str, Any]
    """prometheus.yml."""
    rules: dict[str, dict[str, Any]]
    """Rule files by name."""
    flags: list[str]
    left_out: list[str] = field(default_factory=list)
    """Settings and objects of the render that the lab does not use; a line each."""


def configuration(
    render: Render, stack: Stack, pods: Sequence[Pod], others: Sequence[dict[str, Any]], alertmanager: str
) -> PrometheusConfig:
    """The configuration for the chart's own objects in a render.

    `others` are objects that a cluster has beside them: the Services and ServiceMonitors of the stack itself,
    and the Services of other applications. `alertmanager` is its host:port.
    """
    objects = [*others, *render.ours]
    left_out = [
        f"prometheusSpec.{key} is set; the lab ignores it"
        for key in _NOT_CARRIED
        if stack.prometheus_spec.get(key)
    ]
    services = [o for o in objects if o["kind"] == "Service"]
    scrapes: list[dict[str, Any]] = []
    rules: dict[str, dict[str, Any]] = {}
    for item in objects:
        name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        kind = {"ServiceMonitor": "serviceMonitor", "PrometheusRule": "rule"}.get(item["kind"])
        if kind is None:
            # An AlertmanagerConfig is Alertmanager's.
            if (
                item["apiVersion"].startswith("monitoring.coreos.com/")
                and item["kind"] != "AlertmanagerConfig"
            ):
                left_out.append(f"{item['kind']} {name}: the lab ignores this kind")
        elif not stack.selects(kind, item):
            left_out.append(f"{item['kind']} {name}: the rendered Prometheus does not select it")
        elif item["kind"] == "PrometheusRule":
            rules[name.replace("/", "-") + ".yaml"] = {"groups": item["spec"].get("groups", [])}
        else:
            found, missed = scrape_configs(item, services, pods, stack.prometheus_spec["podTargetLabels"])
            scrapes += found
            left_out += missed
    return PrometheusConfig(
        _main(stack, scrapes, [f"rules/{name}" for name in rules], alertmanager),
        rules,
        _flags(stack),
        left_out,
    )


def _main(
    stack: Stack, scrapes: list[dict[str, Any]], rule_files: list[str], alertmanager: str
) -> dict[str, Any]:
    spec = stack.prometheus_spec
    prometheus = f"{stack.fullname}-prometheus"
    main: dict[str, Any] = {
        # The operator's own defaults.
        "global": {"scrape_interval": "30s", "evaluation_interval": "30s"}
        | fields(spec, _GLOBAL_FIELDS)
        | {
            "external_labels": {
                "prometheus": f"{stack.namespace}/{prometheus}",
                "prometheus_replica": f"prometheus-{prometheus}-0",
                **spec["externalLabels"],
            }
        },
        "rule_files": rule_files,
        "scrape_configs": scrapes,
        "alerting": {
            # Replicas must send identical alerts, so that Alertmanager deduplicates them.
            "alert_relabel_configs": [{"action": "labeldrop", "regex": "prometheus_replica"}],
            "alertmanagers": [{"api_version": "v2", "static_configs": [{"targets": [alertmanager]}]}],
        },
    }
    storage: dict[str, Any] = {}
    if spec["exemplars"].get("maxSize"):
        storage["exemplars"] = {"max_exemplars": spec["exemplars"]["maxSize"]}
    if spec["tsdb"].get("outOfOrderTimeWindow"):
        storage["tsdb"] = {"out_of_order_time_window": spec["tsdb"]["outOfOrderTimeWindow"]}
    return main | ({"storage": storage} if storage else {})


def _flags(stack: Stack) -> list[str]:
    spec = stack.prometheus_spec
    flags = [f"--storage.tsdb.retention.time={spec['retention']}"] if spec["retention"] else []
    if spec["retentionSize"]:
        flags.append(f"--storage.tsdb.retention.size={spec['retentionSize']}")
    if spec["enableFeatures"]:
        flags.append(f"--enable-feature={','.join(spec['enableFeatures'])}")
    if spec["enableRemoteWriteReceiver"]:
        flags.append("--web.enable-remote-write-receiver")
    if spec["enableOTLPReceiver"]:
        flags.append("--web.enable-otlp-receiver")
    return flags


def command(config: PrometheusConfig, ports: Ports, folder: Path, pages: Path) -> Command:
    """How to start Prometheus in a folder; it serves the files below `pages` at /user/.

    Raises LabError where promtool refuses the configuration.
    """
    files = {"prometheus.yml": yaml.safe_dump(config.main, sort_keys=False)} | {
        f"rules/{name}": yaml.safe_dump(rules, sort_keys=False) for name, rules in config.rules.items()
    }
    # A Prometheus built without its web UI looks for its page here.
    files["web/ui/static/mantine-ui/index.html"] = _NO_UI
    require_valid([str(toolchain.promtool()), "check", "config", "prometheus.yml"], files)
    return Command(
        name="prometheus",
        arguments=(
            str(toolchain.prometheus()),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address={ports.address('prometheus')}",
            f"--web.external-url={ports.url('prometheus')}",
            f"--web.user-assets={pages}",
            # A hidden flag. Its default of 5 s would be a third of the wait for the first figures.
            "--scrape.discovery-reload-interval=1s",
            *config.flags,
        ),
        environment={},
        folder=folder,
        url=ports.url("prometheus"),
        files=files,
    )
