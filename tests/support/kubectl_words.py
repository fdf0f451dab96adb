"""What the arguments of a kubectl command name: kinds, objects, containers and labels that exist."""

import functools
from typing import Any

import yaml

from lab import ROOT
from lab.render.chart import render_chart

KINDS = {
    "alertmanager": "Alertmanager",
    "clusterrole": "ClusterRole",
    "configmap": "ConfigMap",
    "customresourcedefinition": "CustomResourceDefinition",
    "deployment": "Deployment",
    "endpoints": "Service",
    "event": "Event",
    "horizontalpodautoscaler": "HorizontalPodAutoscaler",
    "job": "Job",
    "mutatingwebhookconfiguration": "MutatingWebhookConfiguration",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "pod": "Pod",
    "prometheus": "Prometheus",
    "prometheusrule": "PrometheusRule",
    "secret": "Secret",
    "service": "Service",
    "servicemonitor": "ServiceMonitor",
    "statefulset": "StatefulSet",
    "validatingwebhookconfiguration": "ValidatingWebhookConfiguration",
}
_PREFIX = "observability-platform"
STACK = {
    ("Service", f"{_PREFIX}-alertmanager"),
    ("Service", f"{_PREFIX}-grafana"),
    ("Service", f"{_PREFIX}-operator"),
    ("Service", f"{_PREFIX}-prometheus"),
    ("Deployment", f"{_PREFIX}-grafana"),
    ("Deployment", f"{_PREFIX}-operator"),
    ("Job", f"{_PREFIX}-admission-create"),
    ("ClusterRole", f"{_PREFIX}-grafana-clusterrole"),
    ("ClusterRole", f"{_PREFIX}-operator"),
    ("MutatingWebhookConfiguration", f"{_PREFIX}-admission"),
    ("ValidatingWebhookConfiguration", f"{_PREFIX}-admission"),
}
"""Objects of kube-prometheus-stack that documents name; a test compares them with the real package."""
STACK_LABELS = {
    "app.kubernetes.io/component=prometheus-operator",
    "app.kubernetes.io/name=prometheus-node-exporter",
}
STACK_CONTAINERS = {"grafana", "grafana-sc-dashboard"}
IN_CLUSTER = {
    ("CustomResourceDefinition", "prometheuses.monitoring.coreos.com"),
    ("Pod", f"prometheus-{_PREFIX}-prometheus-0"),
    ("Pod", "platform-storage-api-0"),
    ("Secret", f"alertmanager-{_PREFIX}-alertmanager-generated"),
}
"""Objects that the operator or Kubernetes creates."""
IN_CLUSTER_LABELS = {"k8s-app=kubelet"}
IN_CLUSTER_CONTAINERS = {"prometheus"}
NAMESPACES = {"default", "kube-system", "observability", "shop"}
_WITH_VALUE = {
    *("--container", "--field-selector", "--filename", "--namespace"),
    *("--output", "--selector", "--since", "--tail"),
}
_BUCKET = {
    "storage-api": {"store": {"type": "s3", "s3": {"bucket": "objects"}}, "autoscaling": {"enabled": True}}
}


@functools.cache
def rendered() -> list[dict[str, Any]]:
    """Our own objects, with either store, and those of the example service."""
    example = yaml.safe_load_all((ROOT / "examples/checkout/kubernetes.yaml").read_text(encoding="utf-8"))
    return [*render_chart().ours, *render_chart(_BUCKET).ours, *example]


def labels(objects: list[dict[str, Any]]) -> set[str]:
    """The labels of objects and of the pods that they create, such as `app=a`."""
    metadata = [o["metadata"] for o in objects]
    metadata += [
        o["spec"]["template"].get("metadata", {}) for o in objects if "template" in o.get("spec", {})
    ]
    return {f"{key}={value}" for each in metadata for key, value in each.get("labels", {}).items()}


def kind(word: str) -> str | None:
    """The kind that a word such as `services` names, or None."""
    return KINDS.get(word) or KINDS.get(word.removesuffix("s")) or KINDS.get(word.removesuffix("es"))


def unknown(arguments: list[str]) -> list[str]:
    """What the arguments of kubectl name but does not exist; what comes after `--` is left out."""
    options: dict[str, str] = {}
    words: list[str] = []
    rest = iter(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    for word in rest:
        if not word.startswith("--"):
            words.append(word)
            continue
        name, _, value = word.partition("=")
        options[name] = value or (next(rest) if name in _WITH_VALUE else "")
    problems = [
        f"namespace {name}" for name in [options.get("--namespace", "default")] if name not in NAMESPACES
    ]
    problems += [label for label in [options.get("--selector")] if label and label not in _known_labels()]
    if options.get("--container", "grafana") not in STACK_CONTAINERS | IN_CLUSTER_CONTAINERS:
        problems.append(options["--container"])
    return problems + _unknown_objects(words)


def _known_labels() -> set[str]:
    return STACK_LABELS | IN_CLUSTER_LABELS | labels(rendered())


def _unknown_objects(words: list[str]) -> list[str]:
    command, *rest = words
    if command in ("apply", "auth", "create", "delete", "run"):
        # Their arguments are files, or objects that do not exist yet.
        return []
    if command in ("get", "describe"):
        kinds, names = rest[0].split(","), rest[1:]
        named = [(one, name) for one in kinds for name in names]
        problems = [one for one in kinds if kind(one) is None]
    else:
        # logs, exec, port-forward: `deployment/name`, or the name of a pod.
        first = [word for word in rest[:1] if word]
        named = [tuple(word.split("/")) if "/" in word else ("pod", word) for word in first]
        problems = []
    exist = STACK | IN_CLUSTER | {(o["kind"], o["metadata"]["name"]) for o in rendered()}
    return problems + [f"{one} {name}" for one, name in named if (kind(one), name) not in exist]
