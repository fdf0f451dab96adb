"""Alertmanager's configuration, from the values that kube-prometheus-stack makes its Secret from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.render.chart import load_yaml
from lab.render.stack import Stack

# Where the operator mounts the Secret; configurations name template files by it.
_MOUNTED = "/etc/alertmanager/config/"


@dataclass(frozen=True)
class AlertmanagerConfig:
    main: dict[str, Any]
    """alertmanager.yml."""
    templates: dict[str, str]
    """Template files by their name, to lie beside it."""
    flags: list[str]


def build(stack: Stack, folder: Path) -> AlertmanagerConfig:
    """The configuration of a stack, for files that will lie in the folder."""
    values = stack.values["alertmanager"]
    main = load_yaml(values["stringConfig"]) if values["stringConfig"] else dict(values["config"])
    main["templates"] = [
        path.replace(_MOUNTED, f"{folder}/") if path.startswith(_MOUNTED) else path
        for path in main.get("templates") or ()
    ]
    retention = values["alertmanagerSpec"]["retention"]
    return AlertmanagerConfig(main, values["templateFiles"] or {}, [f"--data.retention={retention}"])
