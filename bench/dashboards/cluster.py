"""A cluster with two services of usual size: their pods, the workloads beside them, and the rules."""

from __future__ import annotations

from typing import Any

from lab.render.chart import NAMESPACE, RELEASE, Render, render_chart

STORAGE_API = f"{RELEASE}-storage-api"
PODS = {
    (NAMESPACE, STORAGE_API): (f"{STORAGE_API}-0", f"{STORAGE_API}-1"),
    ("shop", "checkout"): tuple(f"checkout-6d4cf56db6-{end}" for end in ("2hq4x", "8wzkp", "vt9nd")),
}
"""Pods of each service, by its namespace and name."""
NEIGHBOURS = {
    NAMESPACE: ("alertmanager", "grafana", "kube-state-metrics", "node-exporter", "operator", "prometheus"),
    "shop": ("cart", "catalog", "payment", "search", "shipping", "web"),
}
"""Other workloads in the services' namespaces, of one pod each: a rule for a namespace reads them too."""
VALUES: dict[str, Any] = {
    "slo": {
        "services": {
            "checkout": {
                "namespace": "shop",
                "preset": "otel-http",
                "scrape": {"kind": "existing"},
            }
        }
    },
    "storage-api": {"faults": {"enabled": True}},
}


def render() -> Render:
    """The chart with both services, and otherwise its defaults."""
    return render_chart(VALUES)


def rule_groups(rendered: Render) -> list[dict[str, Any]]:
    """The rule groups of a render, without those of kube-prometheus-stack."""
    rules = [rule for rule in rendered.ours if rule["kind"] == "PrometheusRule"]
    return [group for rule in rules for group in rule["spec"]["groups"]]
