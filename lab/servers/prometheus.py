"""Prometheus' configuration: what the operator would write from the same render, with static targets."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.render.chart import Render
from lab.render.discovery import Pod, sanitize, targets
from lab.render.stack import Stack, matches

# Fields of a ServiceMonitor and of its endpoints that are the same words in Prometheus' configuration.
_MONITOR_FIELDS = (
    "sampleLimit",
    "targetLimit",
    "labelLimit",
    "labelNameLengthLimit",
    "labelValueLengthLimit",
    "keepDroppedTargets",
    "scrapeProtocols",
    "fallbackScrapeProtocol",
    "scrapeNativeHistograms",
    "nativeHistogramBucketLimit",
    "bodySizeLimit",
)
_ENDPOINT_FIELDS = (
    "params",
    "scheme",
    "honorLabels",
    "honorTimestamps",
    "trackTimestampsStaleness",
    "followRedirects",
)
_RENAMED = {
    "interval": "scrape_interval",
    "scrapeTimeout": "scrape_timeout",
    "path": "metrics_path",
    "enableHttp2": "enable_http2",
    "scrapeClassicHistograms": "always_scrape_classic_histograms",
    "convertClassicHistogramsToNHCB": "convert_classic_histograms_to_nhcb",
}
_ENDPOINT_HANDLED = {"port", "targetPort", "relabelings", "metricRelabelings", "filterRunning"}
_MONITOR_HANDLED = {
    "endpoints",
    "selector",
    "namespaceSelector",
    "jobLabel",
    "targetLabels",
    "podTargetLabels",
    # How targets are found; the lab's are static.
    "attachMetadata",
    "selectorMechanism",
    "serviceDiscoveryRole",
}
_GLOBAL_FIELDS = (
    "scrapeInterval",
    "scrapeTimeout",
    "evaluationInterval",
    "ruleQueryOffset",
    "scrapeProtocols",
    "scrapeNativeHistograms",
    "scrapeClassicHistograms",
)
# What a user may set on the stack's Prometheus and would miss here.
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


@dataclass
class PrometheusConfig:
    """Everything the process needs, and what was left out."""

    main: dict[str, Any]
    """prometheus.yml."""
    rules: dict[str, dict[str, Any]]
    """Rule files by their name."""
    flags: list[str]
    left_out: list[str] = field(default_factory=list)
    """What the render holds and the lab does not run, a line each."""


def build(
    render: Render, stack: Stack, pods: Sequence[Pod], own: Sequence[dict[str, Any]], alertmanager: str
) -> PrometheusConfig:
    """The configuration for our own objects of a render.

    `own` are the Services and ServiceMonitors of the stack itself; `alertmanager` is its host:port.
    """
    objects = [*own, *render.ours]
    left_out = [
        f"prometheusSpec.{key} is set, and is not carried into the lab"
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
            if item["apiVersion"].startswith("monitoring.coreos.com/"):
                left_out.append(f"{item['kind']} {name}: the lab has no use for this kind")
        elif not stack.selects(kind, item):
            left_out.append(f"{item['kind']} {name}: the Prometheus of the render does not select it")
        elif item["kind"] == "PrometheusRule":
            rules[name.replace("/", "-") + ".yaml"] = {"groups": item["spec"].get("groups", [])}
        else:
            found, missed = _scrape_configs(item, services, pods, stack)
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
        | _fields(spec, _GLOBAL_FIELDS)
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
            # Replicas must send equal alerts, or Alertmanager would not see that they are one.
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


def _scrape_configs(
    monitor: Mapping[str, Any], services: Iterable[Mapping[str, Any]], pods: Sequence[Pod], stack: Stack
) -> tuple[list[dict[str, Any]], list[str]]:
    """One scrape config per endpoint of a ServiceMonitor, named as the operator names it."""
    spec, metadata = monitor["spec"], monitor["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    known = {*_MONITOR_FIELDS, *_RENAMED, *_MONITOR_HANDLED}
    missed = [f"ServiceMonitor {name}: {key} is not carried into the lab" for key in spec if key not in known]
    behind = [
        target
        for service in services
        if _in_namespace(spec.get("namespaceSelector") or {}, metadata["namespace"], service)
        and matches(spec["selector"], service["metadata"].get("labels") or {})
        for target in targets(service, pods)
    ]
    scrapes = []
    for index, endpoint in enumerate(spec["endpoints"]):
        known = {*_ENDPOINT_FIELDS, *_RENAMED, *_ENDPOINT_HANDLED}
        missed += [
            f"ServiceMonitor {name}: endpoints[{index}].{key} is not carried into the lab"
            for key in endpoint
            if key not in known
        ]
        meta, wanted = _wanted_port(endpoint)
        chosen = [target for target in behind if target.labels[f"__meta_kubernetes_{meta}"] == wanted]
        if not chosen:
            missed.append(f"ServiceMonitor {name}: nothing in the lab has its port {wanted!r}")
            continue
        scrape = {
            "job_name": f"serviceMonitor/{name}/{index}",
            "honor_labels": False,
            "static_configs": [{"targets": [target.address], "labels": target.labels} for target in chosen],
            **_fields(spec, (*_MONITOR_FIELDS, "scrapeClassicHistograms", "convertClassicHistogramsToNHCB")),
            **_fields(endpoint, (*_ENDPOINT_FIELDS, "interval", "scrapeTimeout", "path", "enableHttp2")),
            "relabel_configs": [
                *_operator_relabelings(spec, wanted, stack.prometheus_spec["podTargetLabels"]),
                *_relabelings(endpoint.get("relabelings")),
            ],
        }
        if metric_relabelings := _relabelings(endpoint.get("metricRelabelings")):
            scrape["metric_relabel_configs"] = metric_relabelings
        scrapes.append(scrape)
    return scrapes, missed


def _in_namespace(selector: Mapping[str, Any], own: str, service: Mapping[str, Any]) -> bool:
    return bool(selector.get("any")) or service["metadata"]["namespace"] in selector.get("matchNames", [own])


def _wanted_port(endpoint: Mapping[str, Any]) -> tuple[str, str]:
    """The discovery label that an endpoint is chosen by, and its value."""
    if endpoint.get("port"):
        return "endpointslice_port_name", endpoint["port"]
    kind = "number" if isinstance(endpoint["targetPort"], int) else "name"
    return f"pod_container_port_{kind}", str(endpoint["targetPort"])


def _operator_relabelings(
    spec: Mapping[str, Any], endpoint: str, pod_target_labels: Iterable[str]
) -> list[dict[str, Any]]:
    """The labels that the operator gives every target, in its order."""
    rules: list[dict[str, Any]] = [
        _copy("namespace", "namespace"),
        _copy("service_name", "service"),
        _copy("pod_name", "pod"),
        _copy("pod_container_name", "container"),
    ]
    rules += [
        _copy(f"{kind}_label_{sanitize(label)}", sanitize(label), regex="(.+)")
        for kind, labels in (
            ("service", spec.get("targetLabels") or ()),
            ("pod", [*(spec.get("podTargetLabels") or ()), *pod_target_labels]),
        )
        for label in labels
    ]
    rules.append(_copy("service_name", "job"))
    if spec.get("jobLabel"):
        rules.append(_copy(f"service_label_{sanitize(spec['jobLabel'])}", "job", regex="(.+)"))
    rules.append({"target_label": "endpoint", "replacement": endpoint})
    return rules


def _copy(meta: str, target: str, **more: str) -> dict[str, Any]:
    return {"source_labels": [f"__meta_kubernetes_{meta}"], "target_label": target, **more}


def _relabelings(given: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    return [
        {_snake(key): value.lower() if key == "action" else value for key, value in rule.items()}
        for rule in given or ()
    ]


def _fields(source: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The keys that are set, in Prometheus' own words; zero and empty are the operator's `not set`."""
    return {
        _RENAMED.get(key, _snake(key)): value
        for key in keys
        if (value := source.get(key)) or (value is False and key in _ENDPOINT_FIELDS)
    }


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
