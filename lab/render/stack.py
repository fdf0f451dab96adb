"""The settings of kube-prometheus-stack in a render: values, names and selectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.render.chart import DEPENDENCY, NAMESPACE, RELEASE, Render, load_yaml

_DEFAULTS = Path(__file__).with_name("stack-defaults.yaml")


@dataclass(frozen=True)
class Stack:
    """The coalesced values of kube-prometheus-stack, with its rules for names and selectors."""

    values: Mapping[str, Any]
    namespace: str
    release: str

    @classmethod
    def of(cls, render: Render, release: str = RELEASE, namespace: str = NAMESPACE) -> "Stack":
        """The stack of a render; recorded defaults fill the gaps if its package is not in charts/."""
        defaults = load_yaml(_DEFAULTS.read_text(encoding="utf-8"))
        return cls(_merge(defaults, render.values.get(DEPENDENCY) or {}), namespace, release)

    @property
    def prometheus_spec(self) -> Mapping[str, Any]:
        return self.values["prometheus"]["prometheusSpec"]

    @property
    def fullname(self) -> str:
        """The prefix of object names, which the dependency truncates to 26 characters."""
        return (self.values["fullnameOverride"] or f"{self.release}-{DEPENDENCY}")[:26].rstrip("-")

    def not_installed(self, part: str) -> str:
        """The value that disables a part such as `prometheus`; empty if it is enabled or not of the stack."""
        if part not in self.values:
            return ""
        if not self.values.get("enabled", True):
            return f"{DEPENDENCY}.enabled: false"
        return "" if self.values[part].get("enabled", True) else f"{DEPENDENCY}.{part}.enabled: false"

    def selects(self, kind: str, item: Mapping[str, Any]) -> bool:
        """True if the stack's Prometheus selects an object; `kind` is `serviceMonitor` or `rule`.

        If the stack installs no Prometheus, the lab's stands for one that selects everything.
        """
        if self.not_installed("prometheus"):
            return True
        selector = self.prometheus_spec[f"{kind}Selector"]
        if not selector and self.prometheus_spec[f"{kind}SelectorNilUsesHelmValues"]:
            selector = {"matchLabels": {"release": self.release}}
        namespace_labels = {"kubernetes.io/metadata.name": item["metadata"]["namespace"]}
        return matches(selector, item["metadata"].get("labels") or {}) and matches(
            self.prometheus_spec[f"{kind}NamespaceSelector"], namespace_labels
        )


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """True if a Kubernetes label selector matches; an empty one matches everything."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case operator:
            raise ValueError(f"unknown operator {operator!r} in a label selector")


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merges as Helm does: maps are merged, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
