"""Alertmanager, configured by the values from which kube-prometheus-stack makes its Secret.

The chart's AlertmanagerConfig is added as the operator would add it, but its receivers deliver to the lab:
the Secrets with the addresses of pagers and chats exist only in a cluster.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import toolchain
from lab.command import Command
from lab.ports import Ports
from lab.render.alertmanager_config import translate
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


def configuration(
    stack: Stack,
    folder: Path,
    added: Iterable[Mapping[str, Any]] = (),
    integrations: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda _: {},
) -> AlertmanagerConfig:
    """The configuration of a stack, for a server whose files are in the folder.

    `added` are objects of the kind AlertmanagerConfig. `integrations` returns the destinations of one of
    their receivers, such as those of `webhooks`; by default nothing is delivered.
    """
    values = stack.values["alertmanager"]
    main = load_yaml(values["stringConfig"]) if values["stringConfig"] else dict(values["config"])
    main["templates"] = [
        path.replace(_MOUNTED, f"{folder}/") if path.startswith(_MOUNTED) else path
        for path in main.get("templates") or ()
    ]
    strategy = values["alertmanagerSpec"].get("alertmanagerConfigMatcherStrategy") or {}
    for item in added:
        main = translate(
            main,
            item,
            strategy=strategy.get("type") or "OnNamespace",
            # The chart puts its object there.
            alertmanager_namespace=item["metadata"]["namespace"],
            integrations=integrations,
        )
    retention = values["alertmanagerSpec"]["retention"]
    return AlertmanagerConfig(main, values["templateFiles"] or {}, [f"--data.retention={retention}"])


def webhooks(url: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Replaces the destinations of each receiver by a webhook at `url`/name; by nothing if `url` is empty."""

    def integrations(receiver: Mapping[str, Any]) -> dict[str, Any]:
        if not url or receiver["name"] == "null":
            return {}
        return {"webhook_configs": [{"url": f"{url}/{receiver['name']}", "send_resolved": True}]}

    return integrations


def command(
    stack: Stack,
    ports: Ports,
    folder: Path,
    added: Iterable[Mapping[str, Any]] = (),
    delivery_url: str = "",
) -> Command:
    """How to start Alertmanager in a folder; raises LabError where amtool refuses the configuration.

    `added` is that of `configuration`; alerts are delivered to `delivery_url`, see `webhooks`.
    """
    config = configuration(stack, folder, added, webhooks(delivery_url))
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
