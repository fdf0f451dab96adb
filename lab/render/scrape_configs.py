"""Scrape configs that the operator would write for a ServiceMonitor, with static targets."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab.render.discovery import Pod, sanitize, targets
from lab.render.stack import matches

# Fields of a ServiceMonitor and of its endpoints that have the same name in Prometheus' configuration.
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
    # Settings of service discovery; the lab's targets are static.
    "attachMetadata",
    "selectorMechanism",
    "serviceDiscoveryRole",
}


def scrape_configs(
    monitor: Mapping[str, Any],
    services: Iterable[Mapping[str, Any]],
    pods: Sequence[Pod],
    pod_target_labels: Sequence[str] = (),
) -> tuple[list[dict[str, Any]], list[str]]:
    """One scrape config per endpoint, named as the operator names it, and a line for each thing left out.

    `services` and `pods` are those of the render; `pod_target_labels` is `prometheusSpec.podTargetLabels`.
    """
    spec, metadata = monitor["spec"], monitor["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    known = {*_MONITOR_FIELDS, *_RENAMED, *_MONITOR_HANDLED}
    missed = [f"ServiceMonitor {name}: {key} is ignored by the lab" for key in spec if key not in known]
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
            f"ServiceMonitor {name}: endpoints[{index}].{key} is ignored by the lab"
            for key in endpoint
            if key not in known
        ]
        meta, wanted = _wanted_port(endpoint)
        chosen = [target for target in behind if target.labels[f"__meta_kubernetes_{meta}"] == wanted]
        if not chosen:
            missed.append(f"ServiceMonitor {name}: no process of the lab has its port {wanted!r}")
            continue
        scrape = {
            "job_name": f"serviceMonitor/{name}/{index}",
            "honor_labels": False,
            "static_configs": [{"targets": [target.address], "labels": target.labels} for target in chosen],
            **fields(spec, (*_MONITOR_FIELDS, "scrapeClassicHistograms", "convertClassicHistogramsToNHCB")),
            **fields(endpoint, (*_ENDPOINT_FIELDS, "interval", "scrapeTimeout", "path", "enableHttp2")),
            "relabel_configs": [
                *_operator_relabelings(spec, wanted, pod_target_labels),
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
    """The discovery label that selects an endpoint's port, and its value."""
    if endpoint.get("port"):
        return "endpointslice_port_name", endpoint["port"]
    kind = "number" if isinstance(endpoint["targetPort"], int) else "name"
    return f"pod_container_port_{kind}", str(endpoint["targetPort"])


def _operator_relabelings(
    spec: Mapping[str, Any], endpoint: str, pod_target_labels: Iterable[str]
) -> list[dict[str, Any]]:
    """The relabelings that the operator adds to every target, in its order."""
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


def fields(source: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The keys that are set, under Prometheus' names; the operator takes zero and empty as not set."""
    return {
        _RENAMED.get(key, _snake(key)): value
        for key in keys
        if (value := source.get(key)) or (value is False and key in _ENDPOINT_FIELDS)
    }


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
