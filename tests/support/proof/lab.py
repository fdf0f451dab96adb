"""The lab of the proof: three services in three namespaces, with five processes.

    namespace       service                pods
    observability   platform-storage-api   2     they share an S3 server
    shop            checkout               2
    staging         other-storage-api      1     from a second release of the chart; it has a filesystem store

So each panel is asked for one of several services, pods and namespaces, all of which have traffic.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from lab.command import Command
from lab.plan import Plan, make_plan
from lab.platform import VALUES, Platform
from lab.ports import Ports
from lab.render import workload
from lab.render.chart import Render, render_chart
from lab.render.discovery import Pod
from lab.render.stack import Stack
from lab.servers import checkout, grafana, storage_api
from tests.support.intervals import every
from tests.support.service.object_storage import ObjectStorage
from tests.support.waiting import wait_until

SPEED = 40
"""Windows pass so many times faster than their names say: `5m` is 7.5 seconds."""
SCRAPE_SECONDS = 1
WINDOW_SECONDS = 300 / SPEED
"""The window of rates and quantiles."""
RETENTION_SIZE = "1GB"
THREADS = 8
"""Threads of a storage API."""
STORAGE, CHECKOUT, STAGING = (
    ("observability", "platform-storage-api"),
    ("shop", "checkout"),
    ("staging", "other-storage-api"),
)
"""Namespace and name of each service."""


@dataclasses.dataclass
class Process:
    """A process that stands for a pod of a service."""

    service: tuple[str, str]
    pod: str
    part: str
    """Its name in the lab."""
    url: str
    started: float = 0.0
    """Unix time, as the kernel counts it."""
    pid: int = 0


def _values(storage: ObjectStorage) -> dict[str, Any]:
    id, secret = storage.CREDENTIALS.values()
    s3 = {"bucket": "objects", "endpoint": storage.endpoint, "accessKeyId": id, "secretAccessKey": secret}
    values = _faster(every(SCRAPE_SECONDS))
    values["storage-api"] |= {"config": {"threads": THREADS}, "store": {"type": "s3", "s3": s3}}
    values["kube-prometheus-stack"]["prometheus"]["prometheusSpec"]["retentionSize"] = RETENTION_SIZE
    return values


def _staging_values() -> dict[str, Any]:
    values = _faster(every(SCRAPE_SECONDS))
    values["storage-api"] |= {"config": {"threads": THREADS}}
    values["kube-prometheus-stack"]["enabled"] = False
    values["alerting"] = {"enabled": False}
    service = {
        # While it is down, its alert waits longer than the proof takes: it is pending.
        "alerts": {"down": {"for": "2h"}},
        # Less than a total outage is worth a warning only.
        "slis": {"availability": {"objective": 90}},
    }
    values["slo"]["services"] = {"checkout": None, "storage-api": service}
    return values


def _faster(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"global": {"monitoring": {"speed": SPEED}}}


class ProofLab(Platform):
    """The lab with the processes above; `pods` lists them once it is up."""

    def __init__(
        self, folder: Path, storage: ObjectStorage, pods: Sequence[Pod], objects: Sequence[dict[str, Any]]
    ) -> None:
        """`pods` and `objects` are more that Prometheus watches."""
        super().__init__(folder=folder, values=_values(storage))
        self._watched = pods
        self._objects = objects
        self._more: list[tuple[Command, Pod]] = []
        self.pods: list[Process] = []
        self._staging = render_chart(
            _staging_values(), value_files=[VALUES], release="other", namespace=STAGING[0]
        )
        self._add_second(self.render())
        self._add_staging()

    def _add_second(self, render: Render) -> None:
        """The second pods of the storage API and of the checkout."""
        ports = Ports.free()
        api = workload.find(render, {"http": ports.address("service"), "metrics": ports.address("metrics")})
        api = dataclasses.replace(api, pod=_renamed(api.pod))
        self._add(storage_api.command(api, ports, self.folder / "storage-api-1", self.root), api.pod)
        shop = checkout.pod(checkout.manifests(self.root), ports.address("checkout"))
        self._add(checkout.command(ports, self.folder / "checkout-1", self.root), _renamed(shop))

    def _add_staging(self) -> None:
        ports = Ports.free()
        addresses = {"http": ports.address("service"), "metrics": ports.address("metrics")}
        api = workload.find(self._staging, addresses)
        self._add(storage_api.command(api, ports, self.folder / "staging", self.root), api.pod)

    def _add(self, command: Command, pod: Pod) -> None:
        self._more.append((dataclasses.replace(command, name=command.folder.name), pod))

    def plan(self) -> Plan:
        return make_plan(
            self.render(),
            self.ports,
            self.folder,
            root=self.root,
            grafana_home=self._grafana_home or "",
            more_pods=[*(pod for _, pod in self._more), *self._watched],
            more_objects=[*self._staging.ours, *self._objects],
        )

    def up(self) -> None:
        try:
            with self._lock():
                for command, _ in self._more:
                    self.processes.start(command)
            super().up()
        except BaseException:
            self.down()  # also the processes that Platform does not know of
            raise
        self.pods = self._pods()

    def rules(self) -> list[dict[str, Any]]:
        """The PrometheusRules that Prometheus loads."""
        rendered = [*self.render().ours, *self._staging.ours, *self._objects]
        return [item for item in rendered if item["kind"] == "PrometheusRule"]

    def datasources(self) -> list[dict[str, Any]]:
        """Grafana's data sources."""
        urls = (self.ports.url("prometheus"), self.ports.url("alertmanager"))
        return grafana.datasources(Stack.of(self.render()), *urls)

    def running(self) -> list[Process]:
        """The pods whose process runs."""
        return [process for process in self.pods if self.processes.running(process.part)]

    def _pods(self) -> list[Process]:
        running = self.processes.all()
        parts: Mapping[str, tuple[str, str]] = {
            "storage-api": STORAGE,
            "storage-api-1": STORAGE,
            "checkout": CHECKOUT,
            "checkout-1": CHECKOUT,
            "staging": STAGING,
        }
        return [
            Process(
                service,
                f"{service[1]}-{1 if part.endswith('-1') else 0}",
                part,
                running[part].url,
                psutil.Process(running[part].pid).create_time(),
                running[part].pid,
            )
            for part, service in parts.items()
        ]


def _renamed(pod: Pod) -> Pod:
    return dataclasses.replace(pod, name=f"{pod.name.removesuffix('-0')}-1")


def watchdog() -> dict[str, Any]:
    """The alert that always fires, as kube-prometheus-stack has it."""
    labels = {"severity": "none", "namespace": STORAGE[0]}
    group = {"name": "general.rules", "rules": [{"alert": "Watchdog", "expr": "vector(1)", "labels": labels}]}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "general.rules", "namespace": STORAGE[0], "labels": {"release": "platform"}},
        "spec": {"groups": [group]},
    }


def wait_for_first_figures(lab: Platform, services: int) -> None:
    """Wait until every target is up and every rule has run."""

    def up() -> bool:
        found = lab.prometheus.targets()
        return bool(found) and all(target["health"] == "up" for target in found)

    def told() -> bool:
        return (lab.prometheus.value("count(group by (namespace, slo_service) (slo_info))") or 0) == services

    wait_until(up, 60, "every target is up", every=0.1)
    wait_until(told, 30, "every service has its levels", every=0.1)
