"""The plan for a render: the servers' commands, and notes about what the lab does differently."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import ROOT
from lab.command import Command
from lab.errors import LabError
from lab.ports import Ports
from lab.render import self_monitoring, workload
from lab.render.chart import Render
from lab.render.discovery import Pod
from lab.render.stack import Stack
from lab.servers import alertmanager, checkout, grafana, prometheus, receiver, storage_api


@dataclass(frozen=True)
class Plan:
    commands: list[Command]
    notes: list[str]
    """Differences from a cluster and parts that the lab leaves out, one line each."""


def require_complete(render: Render, value_files: Sequence[Path] = ()) -> None:
    """Raises LabError where the values need a Secret or a bucket that only a cluster or cloud has."""
    if needs := workload.needs(render):
        files = f" ({' '.join(map(_shown, value_files))})" if value_files else ""
        raise LabError(
            f"these values{files} need {', '.join(needs)}, which the lab does not have; "
            "try ci/dev-values.yaml, or override these values in a file of your own after it"
        )


def make_plan(
    render: Render,
    ports: Ports,
    folder: Path,
    *,
    root: Path = ROOT,
    grafana_home: str = "",
    more_pods: Sequence[Pod] = (),
    more_objects: Sequence[dict[str, Any]] = (),
) -> Plan:
    """Makes the plan for a complete render in the lab's folder; raises LabError and ToolError.

    `root` is the repository whose storage API runs; `grafana_home` is GRAFANA_HOME, empty for PATH only.
    `more_pods` and `more_objects` are those of processes that the caller runs; Prometheus watches them.
    """
    stack = Stack.of(render)
    api = workload.find(render, {"http": ports.address("service"), "metrics": ports.address("metrics")})
    shop = checkout.manifests(root)
    pods = [
        api.pod,
        checkout.pod(shop, ports.address("checkout")),
        *self_monitoring.pods(stack, {c: ports.address(c) for c in self_monitoring.COMPONENTS}),
        *more_pods,
    ]
    others = [*self_monitoring.objects(stack), *shop, *more_objects]
    monitoring = prometheus.configuration(render, stack, pods, others, ports.address("alertmanager"))
    commands = [
        storage_api.command(api, ports, folder / "storage-api", root),
        checkout.command(ports, folder / "checkout", root),
        prometheus.command(monitoring, ports, folder / "prometheus", folder / "user"),
        alertmanager.command(
            stack,
            ports,
            folder / "alertmanager",
            render.find("AlertmanagerConfig"),
            f"{ports.url('receiver')}{receiver.PATH}",
        ),
        receiver.command(ports, folder / "receiver", root),
    ]
    if found := grafana.find(os.environ | {"GRAFANA_HOME": grafana_home}):
        dashboards = grafana.dashboards(stack, render.ours)
        commands.append(grafana.command(found, stack, dashboards, ports, folder / "grafana"))
    notes = [
        f"these values install no {command.name} ({why}); the lab runs one anyway"
        for command in commands
        if (why := stack.not_installed(command.name))
    ]
    return Plan(commands, notes + [f"left out: {line}" for line in monitoring.left_out])


def _shown(path: Path) -> str:
    """The path, relative to the repository if it lies in it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
