"""Alertmanager, configured by the values from which kube-prometheus-stack makes its Secret."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import toolchain
from lab.command import Command
from lab.ports import Ports
from lab.render.chart import load_yaml
from lab.render.stack import Stack
from lab.servers.config_check import require_valid

# The operator mounts the Secret here, so configurations name template files below this path.
_MOUNTED = "/etc/alertmanager/config/"


@dataclass(frozen=True)
class AlertmanagerConfig:
    main: dict[str, Any]
    """alertmanager.yml."""
    templates: dict[str, str]
    """Template files: text by name, to be written beside alertmanager.yml."""
    flags: list[str]


def configuration(stack: Stack, folder: Path) -> AlertmanagerConfig:
    """The configuration of a stack, for a server whose files are in the folder."""
    values = stack.values["alertmanager"]
    main = load_yaml(values["stringConfig"]) if values["stringConfig"] else dict(values["config"])
    main["templates"] = [
        path.replace(_MOUNTED, f"{folder}/") if path.startswith(_MOUNTED) else path
        for path in main.get("templates") or ()
    ]
    retention = values["alertmanagerSpec"]["retention"]
    return AlertmanagerConfig(main, values["templateFiles"] or {}, [f"--data.retention={retention}"])


def command(stack: Stack, ports: Ports, folder: Path) -> Command:
    """How to start Alertmanager in a folder; raises LabError where amtool refuses the configuration."""
    config = configuration(stack, folder)
    files = {"alertmanager.yml": yaml.safe_dump(config.main, sort_keys=False), **config.templates}
    require_valid([str(toolchain.amtool()), "check-config", "alertmanager.yml"], files)
    return Command(
        name="alertmanager",
        arguments=(
            str(toolchain.alertmanager()),
            "--config.file=alertmanager.yml",
            "--storage.path=data",
            f"--web.listen-address={ports.address('alertmanager')}",
            f"--web.external-url={ports.url('alertmanager')}",
            # A single server has no cluster to join.
            "--cluster.listen-address=",
            *config.flags,
        ),
        environment={},
        folder=folder,
        url=ports.url("alertmanager"),
        files=files,
    )
