"""The Prometheus that monitors the release: from the bundled stack, or one already in the cluster."""

import base64
import gzip
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lab.clients import Alertmanager
from lab.render.chart import dependency_package, load_yaml
from tests.support.cluster.cluster import Cluster, CommandError

MODES = ("bundled", "byo")
NAMESPACE = "observability-e2e"
"""The namespace of the platform that test_platform.py installs, in mode bundled with its Prometheus."""


class ModeError(Exception):
    """E2E_MODE is invalid or cannot be used; the message is one line."""


def mode() -> str:
    """Mode of this run: `bundled` (kube-prometheus-stack from charts/) or `byo` (the cluster's own operator).

    Raises ModeError.
    """
    chosen = os.environ.get("E2E_MODE") or ("bundled" if dependency_package() else "byo")
    if chosen not in MODES:
        raise ModeError(f"E2E_MODE={chosen} is not allowed: use one of {', '.join(MODES)}")
    if chosen == "bundled" and not dependency_package():
        raise ModeError("E2E_MODE=bundled needs kube-prometheus-stack in charts/: run make deps")
    return chosen


def site_value_files() -> tuple[Path, ...]:
    """The files of VALUES: what this cluster needs, such as a StorageClass or an image mirror."""
    return tuple(map(Path, os.environ.get("VALUES", "").split()))


def silence(alertmanager: Alertmanager, namespace: str) -> str:
    """Silence a namespace's alerts for an hour; return the silence's id."""
    now = datetime.now(UTC)
    matcher = {"name": "namespace", "value": namespace, "isRegex": False, "isEqual": True}
    times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
    body = {"matchers": [matcher], **times, "createdBy": "e2e", "comment": "is it kept?"}
    return alertmanager.post("/api/v2/silences", body)["silenceID"]


@dataclass(frozen=True)
class Monitoring:
    """A Prometheus object of the operator, and the Alertmanager in the same namespace."""

    cluster: Cluster
    name: str
    namespace: str
    labels: dict[str, str] = field(default_factory=dict)
    """Labels that our objects need to match its selectors."""
    has_alertmanager: bool = True
    """True if there is an Alertmanager in the same namespace."""

    prometheus_url = property(lambda self: f"http://prometheus-operated.{self.namespace}:9090")
    alertmanager_url = property(lambda self: f"http://alertmanager-operated.{self.namespace}:9093")

    @classmethod
    def bundled(cls, cluster: Cluster, namespace: str) -> "Monitoring":
        return cls(cluster, "observability-platform-prometheus", namespace)

    @classmethod
    def existing(cls, cluster: Cluster) -> "Monitoring":
        """The Prometheus named by E2E_PROMETHEUS (namespace/name), or the cluster's only one.

        Raises CommandError.
        """
        every = cluster.get("prometheuses.monitoring.coreos.com")["items"]
        known = {f"{p['metadata']['namespace']}/{p['metadata']['name']}": p["spec"] for p in every}
        wanted = os.environ.get("E2E_PROMETHEUS") or (next(iter(known)) if len(known) == 1 else "")
        if wanted not in known:
            raise CommandError(
                f"E2E_PROMETHEUS={wanted!r} must name one Prometheus, namespace/name; "
                f"the cluster has {', '.join(known) or 'none'}"
            )
        namespace, name = wanted.split("/")
        alertmanagers = cluster.get("alertmanagers.monitoring.coreos.com", namespace=namespace)["items"]
        given = os.environ.get("E2E_MONITORING_LABELS")
        labels = dict(pair.split("=", 1) for pair in given.split(",")) if given else {}
        for spec in () if given else (known[wanted], *(a["spec"] for a in alertmanagers)):
            for key in ("serviceMonitorSelector", "ruleSelector", "alertmanagerConfigSelector"):
                labels |= (spec.get(key) or {}).get("matchLabels") or {}
        return cls(cluster, name, namespace, labels, bool(alertmanagers))

    def configuration(self) -> dict[str, Any]:
        """The Prometheus configuration that the operator generated."""
        secret = self.cluster.get("secret", f"prometheus-{self.name}", self.namespace)
        return load_yaml(gzip.decompress(base64.b64decode(secret["data"]["prometheus.yaml.gz"])).decode())

    def alertmanager(self) -> dict[str, Any]:
        """The Alertmanager object in the namespace of this Prometheus."""
        items = self.cluster.get("alertmanagers.monitoring.coreos.com", namespace=self.namespace)["items"]
        return items[0]

    def alertmanager_configuration(self) -> dict[str, Any]:
        """The configuration that the operator generated for that Alertmanager."""
        name = f"alertmanager-{self.alertmanager()['metadata']['name']}-generated"
        secret = self.cluster.get("secret", name, self.namespace)
        return load_yaml(gzip.decompress(base64.b64decode(secret["data"]["alertmanager.yaml.gz"])).decode())

    def rule_files(self) -> dict[str, dict[str, Any]]:
        """The rule files that the operator generated, by file name."""
        maps = self.cluster.get(
            "configmaps", namespace=self.namespace, selector=f"prometheus-name={self.name}"
        )
        return {file: load_yaml(text) for one in maps["items"] for file, text in one["data"].items()}
