"""The dashboards in Grafana: their ConfigMaps, the folders, the home page and the datasources."""

import json

import yaml

from lab import ROOT

STACK = "kube-prometheus-stack"
BUNDLED = yaml.safe_load((ROOT / "files/stack-dashboards.yaml").read_text())
# Values with which kube-prometheus-stack installs all of its dashboards.
ALL_BUNDLED = {
    STACK: {
        "coreDns": {"enabled": True},
        "kubeEtcd": {"enabled": True},
        "windowsMonitoring": {"enabled": True},
        "nodeExporter": {"operatingSystems": {"aix": {"enabled": True}, "darwin": {"enabled": True}}},
        "prometheus": {"prometheusSpec": {"remoteWriteDashboards": True}},
        "grafana": {
            "sidecar": {
                "dashboards": {"multicluster": {"global": {"enabled": True}, "etcd": {"enabled": True}}}
            }
        },
    }
}


def configmaps(objects):
    """The ConfigMaps that Grafana's sidecar loads as dashboards."""
    return [
        o
        for o in objects
        if o["kind"] == "ConfigMap" and "grafana_dashboard" in o["metadata"].get("labels", {})
    ]


def documents(objects):
    return [json.loads(text) for o in configmaps(objects) for text in o["data"].values()]


# --- kube-prometheus-stack's dashboards ---------------------------------------------------------------


def test_our_list_of_the_stacks_dashboards_is_complete(rendered, needs_package):
    render = rendered(ALL_BUNDLED)
    theirs = [o for o in render.objects if o not in render.ours]
    assert {each["uid"]: each["title"] for each in documents(theirs)} == BUNDLED
