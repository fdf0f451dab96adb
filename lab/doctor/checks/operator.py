"""Other prometheus-operators and their Prometheus: would they work on our objects, or should they?"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from lab.doctor.cluster import Cluster, Object
from lab.doctor.plan import MONITORING, Plan, is_operator, operator_arguments
from lab.doctor.result import Result, fail, listed, ok, warn
from lab.render.stack import matches

_BYO = "ci/byo-operator-values.yaml"
_SELECTORS = {
    "ServiceMonitor": "serviceMonitor",
    "PodMonitor": "podMonitor",
    "Probe": "probe",
    "ScrapeConfig": "scrapeConfig",
    "PrometheusRule": "rule",
    "AlertmanagerConfig": "alertmanagerConfig",
}
"""Kind -> the prefix of its two selectors in the spec of a Prometheus, or of an Alertmanager."""
_SERVERS = {"Prometheus": "v1", "PrometheusAgent": "v1alpha1", "Alertmanager": "v1"}


def foreign(cluster: Cluster, plan: Plan) -> list[Object]:
    """The Deployments of other prometheus-operators in the cluster."""
    ours = {(plan.namespace_of(each), each["metadata"]["name"]) for each in plan.find("Deployment")}
    return [
        each
        for each in cluster.items("/apis/apps/v1/deployments")
        if is_operator(each) and (each["metadata"]["namespace"], each["metadata"]["name"]) not in ours
    ]


def watches(arguments: list[str], namespace: str) -> bool:
    """True if an operator with these arguments watches a namespace; without arguments, it watches all."""
    only, never = _argument(arguments, "namespaces"), _argument(arguments, "deny-namespaces")
    return namespace not in never and (not only or namespace in only)


def _argument(arguments: list[str], name: str) -> list[str]:
    """The comma-separated values of `--name=a,b` or `--name a,b`."""
    words = [word for argument in arguments for word in argument.split("=", 1)]
    for flag, value in pairwise(words):
        if flag.lstrip("-") == name:
            return [item for item in value.split(",") if item]
    return []


def operators(cluster: Cluster, plan: Plan) -> Result:
    """Does exactly one operator watch the namespace?"""
    others = foreign(cluster, plan)
    watching = [each for each in others if watches(operator_arguments(each), plan.namespace)]
    names = listed(f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in watching)
    if not plan.bundled:
        if not watching:
            return fail(
                f"no prometheus-operator watches {plan.namespace}",
                "install one, add the namespace to its --namespaces, or let the chart bring one: "
                "kube-prometheus-stack.enabled: true",
            )
        return ok(f"{names} watches {plan.namespace}")
    if watching:
        return fail(
            f"another operator watches {plan.namespace} too: {names}; both would change the same objects",
            f"use it instead: {_BYO}; or exclude the namespace with its --deny-namespaces",
        )
    own = plan.operator()
    theirs = [each["metadata"]["namespace"] for each in others]
    if own and (taken := [name for name in theirs if watches(operator_arguments(own), name)]):
        return fail(
            f"our operator would also watch {listed(taken)}, where another operator works",
            "set kube-prometheus-stack.prometheusOperator.denyNamespaces, or use the other one: " + _BYO,
        )
    return ok("no other prometheus-operator works on our objects")


def selectors(cluster: Cluster, plan: Plan) -> Result:
    """Is each monitor and rule selected, by our Prometheus or by the cluster's, and by one only?"""
    servers = [
        each | {"kind": kind}
        for kind, version in _SERVERS.items()
        for each in cluster.items(
            f"/apis/{MONITORING}/{version}/{kind.lower()}{'es' if kind[-1] == 's' else 's'}"
        )
    ]
    ours = {
        (each["kind"], plan.namespace_of(each), each["metadata"]["name"]) for each in plan.find(*_SERVERS)
    }
    others = [each for each in servers if (each["kind"], *_place(each)) not in ours]
    labels = _namespace_labels(cluster, plan)
    selecting: dict[str, set[str]] = {}
    unselected: dict[str, list[str]] = {}
    for each in plan.find(*_SELECTORS):
        able = [server for server in others if _can_select(server, each["kind"])]
        reasons = {_name(server): [*_obstacles(server, each, plan, labels)] for server in able}
        for name, reason in reasons.items():
            if not reason:
                selecting.setdefault(name, set()).add(each["kind"])
        if not any(not reason for reason in reasons.values()):
            unselected.setdefault(each["kind"], []).extend(
                f"{name} asks for {' and '.join(reason)}" for name, reason in reasons.items()
            )
    kinds = listed(kind for found in selecting.values() for kind in found)
    if any(kind != "Alertmanager" for kind, *_ in ours):
        if selecting:
            return warn(
                f"{listed(selecting)} would also select our {kinds}: everything is scraped and alerted twice",
                "narrow its selectors, or set kube-prometheus-stack.enabled: false and let it do the work",
            )
        return ok("no other Prometheus selects our objects")
    if unselected:
        asked = listed(line for lines in unselected.values() for line in lines)
        return fail(
            f"no server of the cluster selects our {listed(unselected)}",
            f"{asked or 'the cluster has no Prometheus object'}; global.monitoring.labels sets our labels, "
            "kubectl label namespace those of the namespace",
        )
    return ok(
        f"{listed(selecting)} selects our {kinds}" if selecting else "nothing is rendered that it selects"
    )


def _can_select(server: Object, kind: str) -> bool:
    if kind == "AlertmanagerConfig":
        return server["kind"] == "Alertmanager"
    return server["kind"] == "Prometheus" or (
        server["kind"] == "PrometheusAgent" and kind != "PrometheusRule"
    )


def _obstacles(server: Object, each: Object, plan: Plan, labels: Mapping[str, str]) -> Iterator[str]:
    """Why a server does not select an object, in words; nothing if it does.

    A selector that is not set selects nothing, or, for namespaces, only the server's own. An empty one
    selects everything.
    """
    prefix, spec, namespace = _SELECTORS[each["kind"]], server["spec"], plan.namespace_of(each)
    selector = spec.get(f"{prefix}Selector")
    if selector is None:
        yield f"nothing ({prefix}Selector is not set)"
    elif not matches(selector, each["metadata"].get("labels") or {}):
        yield f"the labels {_words(selector)}"
    namespaces = spec.get(f"{prefix}NamespaceSelector")
    if namespaces is None:
        if namespace != server["metadata"]["namespace"]:
            yield f"the namespace {server['metadata']['namespace']}"
    elif not matches(namespaces, labels | {"kubernetes.io/metadata.name": namespace}):
        yield f"a namespace with the labels {_words(namespaces)}"


def _words(selector: Mapping[str, Any]) -> str:
    """A selector as kubectl writes it, such as `release=monitoring,team in (a,b)`."""
    words = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for each in selector.get("matchExpressions") or ():
        values = f" ({','.join(each['values'])})" if each.get("values") else ""
        words.append(f"{each['key']} {each['operator'].lower()}{values}")
    return ",".join(words)


def _namespace_labels(cluster: Cluster, plan: Plan) -> Mapping[str, str]:
    found = cluster.get(f"/api/v1/namespaces/{plan.namespace}", metadata_only=True)
    return (found or {"metadata": {}})["metadata"].get("labels") or {}


def _place(each: Object) -> tuple[str, str]:
    return each["metadata"]["namespace"], each["metadata"]["name"]


def _name(server: Object) -> str:
    return f"{server['kind']} {'/'.join(_place(server))}"


def kubelet_service(cluster: Cluster, plan: Plan) -> Result:
    """Is there one Service for the kubelets only? An uninstalled operator leaves its own behind."""
    own = plan.operator()
    kept = {
        name
        for each in [*foreign(cluster, plan), *([own] if own else [])]
        for name in _argument(operator_arguments(each), "kubelet-service")
    }
    there = {"/".join(_place(s)) for s in cluster.items("/api/v1/services", selector="k8s-app=kubelet")}
    if stale := sorted(there - kept):
        namespace, _, name = stale[0].partition("/")
        return warn(
            f"{listed(stale)} is left over from another operator: kubelets would be scraped twice",
            f"kubectl delete service --namespace {namespace} {name}",
        )
    return ok("no Service for the kubelets is left over")
