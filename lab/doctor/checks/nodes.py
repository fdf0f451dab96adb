"""The nodes, and the parts of the control plane that run on them."""

import re

from lab.doctor.cluster import Cluster, Denied, Object
from lab.doctor.plan import Plan
from lab.doctor.result import Result, fail, listed, ok, warn

ARCHITECTURES = ("amd64", "arm64")
"""For which the images are built."""
_LABEL = "kubernetes.io/arch"
_PROVIDERS = {
    # A label of the nodes, or a part of the version: the name, and the preset.
    "eks.amazonaws.com/": ("EKS", "ci/eks-values.yaml"),
    "-eks-": ("EKS", "ci/eks-values.yaml"),
    "cloud.google.com/gke": ("GKE", "ci/gke-values.yaml"),
    "-gke.": ("GKE", "ci/gke-values.yaml"),
    "kubernetes.azure.com/": ("AKS", "ci/aks-values.yaml"),
    "+k3s": ("k3s", "ci/kind-values.yaml"),
    "minikube.k8s.io/": ("minikube", "ci/kind-values.yaml"),
}
_MANAGED = ("EKS", "GKE", "AKS")
COMPONENTS = {
    "kube-controller-manager": "kubeControllerManager",
    "kube-scheduler": "kubeScheduler",
    "kube-etcd": "kubeEtcd",
    "kube-proxy": "kubeProxy",
}
"""The end of a Service's name -> the value of kube-prometheus-stack that enables it."""
_LOOPBACK = re.compile(
    r"--(?:bind-address|listen-metrics-urls|metrics-bind-address)=(?:https?://)?127\.[\d.:]+$"
)


def architectures(cluster: Cluster, plan: Plan) -> Result:
    """Are there nodes for which the images are built, and are pods kept off the others?"""
    nodes = cluster.items("/api/v1/nodes")
    if not nodes:
        return fail("the cluster has no nodes", "add a node, or wait for the autoscaler's first one")
    found = [node["status"]["nodeInfo"]["architecture"] for node in nodes if _is_linux(node)]
    names = listed(found) or "no Linux node"
    if not {*found} & {*ARCHITECTURES}:
        return fail(
            f"the nodes are {names}; the images are built for {' and '.join(ARCHITECTURES)}",
            "add nodes of such a processor",
        )
    free = [pod.owner for pod in plan.pods() if _LABEL not in (pod.spec.get("nodeSelector") or {})]
    if (strange := {*found} - {*ARCHITECTURES}) and free:
        return warn(
            f"some nodes are {listed(strange)}, for which the images are not built",
            f"keep pods off them: set nodeSelector {_LABEL} for {listed(free, 3)}, or taint the nodes",
        )
    return ok(f"the Linux nodes are {names} ({len(found)} in all)")


def _is_linux(node: Object) -> bool:
    return node["status"]["nodeInfo"].get("operatingSystem", "linux") == "linux"


def control_plane(cluster: Cluster, plan: Plan) -> Result:
    """Can Prometheus scrape each part of the control plane that the values enable?

    A Service that selects no pods, or pods that listen on the loopback address only, means an alert that
    never stops firing. Providers hide these parts, kubeadm and kind bind them to the loopback address.
    """
    services = {
        component: each
        for each in plan.find("Service")
        for component in COMPONENTS
        if plan.namespace_of(each) == "kube-system" and each["metadata"]["name"].endswith(component)
    }
    if not services:
        return ok("no part of the control plane is scraped but the API server and the kubelets")
    provider, preset = _provider(cluster)
    unseen = {}
    for component, service in services.items():
        if provider in _MANAGED:
            unseen[component] = f"{provider} hides it"
        elif reason := _unscrapable(cluster, component, service["spec"].get("selector") or {}):
            unseen[component] = reason
    if unseen:
        values = listed(f"{COMPONENTS[component]}.enabled: false" for component in unseen)
        use = f"use {preset}, or set" if preset else "as ci/kind-values.yaml does, set"
        return warn(
            "Prometheus can't scrape "
            + listed(f"{component} ({reason})" for component, reason in unseen.items())
            + ": its alerts would never stop",
            f"{use} below kube-prometheus-stack: {values}",
        )
    return ok(f"{listed(services)} can be scraped")


def _provider(cluster: Cluster) -> tuple[str, str]:
    """The provider's name and the preset for it; empty if it is none that we know."""
    labels = {
        label for node in cluster.items("/api/v1/nodes") for label in node["metadata"].get("labels") or ()
    }
    for sign, found in _PROVIDERS.items():
        if sign in cluster.version or any(label.startswith(sign) for label in labels):
            return found
    return "", ""


def _unscrapable(cluster: Cluster, component: str, selector: dict[str, str]) -> str:
    """Why a part can't be scraped; empty if it seems that it can, or if its addresses are in the values."""
    if not selector:
        return ""
    words = ",".join(f"{key}={value}" for key, value in selector.items())
    pods = cluster.items("/api/v1/namespaces/kube-system/pods", selector=words)
    if not pods:
        return "no such pod"
    arguments = [
        a
        for pod in pods
        for c in pod["spec"]["containers"]
        for a in (c.get("command") or []) + (c.get("args") or [])
    ]
    if any(_LOOPBACK.match(argument) for argument in arguments) or (
        component == "kube-proxy" and _proxy_on_loopback(cluster)
    ):
        return "listens on 127.0.0.1"
    return ""


def _proxy_on_loopback(cluster: Cluster) -> bool:
    """True if kube-proxy's configuration leaves its metrics on the loopback address, which is the default."""
    try:
        found = cluster.get("/api/v1/namespaces/kube-system/configmaps/kube-proxy")
    except Denied:
        return False
    text = ((found or {}).get("data") or {}).get("config.conf")
    if text is None:
        return False
    address = re.search(r"^metricsBindAddress:\s*\"?([^\"\s]*)", text, re.MULTILINE)
    return not address or address[1] == "" or address[1].startswith("127.")
