"""Values that property tests draw for the keys of kube-prometheus-stack in files/stack-defaults.yaml."""

from collections.abc import Iterator
from typing import Any

import yaml

from lab import ROOT
from lab.render.chart import DEPENDENCY

Path = tuple[str, ...]
_NAMESPACES = ["", "monitoring", "observability"]
_PORTS = [1, 80, 8080, 65535]
_PREFIXES = ["/", "/part", "/a/b/"]
_TLS = [{}, {"tlsConfig": {"keySecret": {"name": "tls", "key": "tls.key"}}}]
_LISTS = [[], ["observability", "other"]]
_SELECTORS = [
    {},
    {"matchLabels": {"release": "platform"}},
    {"matchLabels": {"app.kubernetes.io/part-of": "observability-platform"}},
    {"matchExpressions": [{"key": "release", "operator": "Exists"}]},
    {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}]},
]
_NAMESPACE_SELECTORS = [
    {},
    {"matchLabels": {"monitoring": "on"}},
    {"matchLabels": {"kubernetes.io/metadata.name": "observability"}},
]
_SUB_PATH = {"root_url": "%(protocol)s://%(domain)s/graphs/", "serve_from_sub_path": True}
_DRAWN: dict[str, list[Any]] = {
    "namespaceOverride": _NAMESPACES,
    "prometheus.service.port": _PORTS,
    "prometheus.prometheusSpec.routePrefix": _PREFIXES,
    "prometheus.prometheusSpec.web": _TLS,
    "prometheus.prometheusSpec.alertingEndpoints": [[], [{"name": "a", "namespace": "b", "port": "web"}]],
    "prometheus.prometheusSpec.additionalAlertManagerConfigs": [
        [],
        [{"static_configs": [{"targets": ["a:1"]}]}],
    ],
    "prometheus.prometheusSpec.additionalAlertManagerConfigsSecret": [{}, {"name": "more", "key": "a.yaml"}],
    "prometheus.prometheusSpec.serviceMonitorSelector": _SELECTORS,
    "prometheus.prometheusSpec.serviceMonitorNamespaceSelector": _NAMESPACE_SELECTORS,
    "prometheus.prometheusSpec.ruleSelector": _SELECTORS,
    "prometheus.prometheusSpec.ruleNamespaceSelector": _NAMESPACE_SELECTORS,
    "alertmanager.namespaceOverride": _NAMESPACES,
    "alertmanager.service.port": _PORTS,
    "alertmanager.alertmanagerSpec.routePrefix": _PREFIXES,
    "alertmanager.alertmanagerSpec.web": _TLS,
    "alertmanager.alertmanagerSpec.alertmanagerConfiguration": [{}, {"name": "whole"}],
    "alertmanager.alertmanagerSpec.alertmanagerConfigSelector": _SELECTORS,
    "alertmanager.alertmanagerSpec.alertmanagerConfigNamespaceSelector": _NAMESPACE_SELECTORS,
    "prometheusOperator.namespaces": [{}, {"releaseNamespace": True}, {"additional": ["other"]}],
    "prometheusOperator.denyNamespaces": _LISTS,
    "prometheusOperator.alertmanagerConfigNamespaces": _LISTS,
    "grafana.namespaceOverride": _NAMESPACES,
    "grafana.adminUser": ["admin", "root"],
    "grafana.admin.userKey": ["admin-user", "user"],
    "grafana.admin.passwordKey": ["admin-password", "password", "user"],
    "grafana.env": [
        {},
        {"GF_SECURITY_ADMIN_PASSWORD": "secret"},
        {"GF_SERVER_ROOT_URL": "https://a.example/g", "GF_SERVER_SERVE_FROM_SUB_PATH": True},
    ],
    "grafana.grafana.ini.dashboards": [{}, {"default_home_dashboard_path": "/home.json"}],
    "grafana.grafana.ini.server": [{}, {"root_url": "https://a.example/g"}, _SUB_PATH, {"protocol": "https"}],
    "grafana.grafana.ini.auth.basic": [{}, {"enabled": True}, {"enabled": False}],
    "grafana.service.port": _PORTS,
    "grafana.persistence.type": ["pvc", "sts", "statefulset"],
    "grafana.imageRenderer.existingSecret": ["", "renderer"],
    "grafana.rbac.namespaces": _LISTS,
    "grafana.sidecar.dashboards.label": ["grafana_dashboard", "dashboard"],
    "grafana.sidecar.dashboards.labelValue": ["1", "", "yes"],
    "grafana.sidecar.dashboards.searchNamespace": ["ALL", "", "observability,other", ["observability", "a"]],
    "grafana.sidecar.dashboards.resource": ["both", "configmap", "secret"],
    "grafana.sidecar.dashboards.resourceName": ["", "observability/configmap/one"],
    "grafana.sidecar.datasources.name": ["Prometheus", "Metrics"],
    "grafana.sidecar.datasources.uid": ["prometheus", "metrics"],
    "grafana.sidecar.datasources.alertmanager.name": ["Alertmanager", "Alerts"],
    "grafana.sidecar.datasources.alertmanager.uid": ["alertmanager", "alerts"],
    "grafana.sidecar.datasources.alertmanager.url": ["", "http://alertmanager.example"],
}


def defaults() -> dict[str, Any]:
    """The default values in files/stack-defaults.yaml."""
    return yaml.safe_load((ROOT / "files/stack-defaults.yaml").read_text(encoding="utf-8"))[DEPENDENCY]


def leaves(values: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each value that is not a map, or is an empty map, with its path."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def settings() -> Iterator[tuple[Path, dict[str, Any]]]:
    """The path of each value and a schema to draw it from; raises KeyError if _DRAWN lacks a value."""
    for path, default in leaves(defaults()):
        drawn = [True, False] if isinstance(default, bool) else _DRAWN[".".join(path)]
        yield (DEPENDENCY, *path), {"enum": drawn}
