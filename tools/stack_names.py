"""Names of kube-prometheus-stack's own values, which the schema must tell from typing errors."""

FIRST_LEVEL = {
    *("additionalPrometheusRules", "additionalPrometheusRulesMap", "alertmanager"),
    *("cleanPrometheusOperatorObjectNames", "commonLabels", "coreDns", "crds", "customRules"),
    *("defaultRules", "extraManifests", "fullnameOverride", "global", "grafana"),
    *("kube-state-metrics", "kubeApiServer", "kubeControllerManager", "kubeDns", "kubeEtcd"),
    *("kubeProxy", "kubeScheduler", "kubeStateMetrics", "kubeTargetVersionOverride"),
    *("kubeVersionOverride", "kubelet", "kubernetesServiceMonitors", "nameOverride"),
    *("namespaceOverride", "nodeExporter", "prometheus", "prometheus-node-exporter"),
    *("prometheus-windows-exporter", "prometheusOperator", "thanosRuler", "windowsMonitoring"),
}
"""Every name at its first level."""

ALIKE: dict[tuple[str, ...], set[str]] = {("grafana", "sidecar", "dashboards"): {"SCProvider"}}
"""Deeper names that are two edits or less away from one that we list, by the map that holds them."""
