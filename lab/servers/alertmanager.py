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
from lab.servers import receiver
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


def delivered(main: dict[str, Any], url: str) -> dict[str, Any]:
    """The configuration with one more receiver, a webhook at `url` that gets every alert within seconds.

    Watchdog always fires, and InfoInhibitor only mutes others, so both are left out.
    """
    route = {
        "receiver": receiver.NAME,
        "matchers": ["alertname !~ Watchdog|InfoInhibitor"],
        "group_by": ["namespace", "alertname"],
        "group_wait": "1s",
        "group_interval": "1s",
        "repeat_interval": "1h",
        "continue": True,
    }
    webhook = {"name": receiver.NAME, "webhook_configs": [{"url": url, "send_resolved": True}]}
    root = main["route"]
    return main | {
        "route": root | {"routes": [route, *(root.get("routes") or ())]},
        "receivers": [*(main.get("receivers") or ()), webhook],
    }


def command(stack: Stack, ports: Ports, folder: Path) -> Command:
    """How to start Alertmanager in a folder; raises LabError where amtool refuses the configuration."""
    config = configuration(stack, folder)
    main = delivered(config.main, f"{ports.url('receiver')}{receiver.PATH}")
    files = {"alertmanager.yml": yaml.safe_dump(main, sort_keys=False), **config.templates}
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
