"""Names of kube-prometheus-stack's own values, which the schema must not take for misspelt ones."""

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
"""Every name at the first level of its values."""

SIMILAR: dict[tuple[str, ...], set[str]] = {("grafana", "sidecar", "dashboards"): {"SCProvider"}}
"""{path of a map: its names that are at most two edits away from one that we list}"""
