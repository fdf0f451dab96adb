"""Grafana, if the user has one, with the rendered datasources and dashboards."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.command import Command
from lab.errors import LabError
from lab.ports import HOST, Ports
from lab.render.stack import Stack

_PACKAGED_HOME = Path("/usr/share/grafana")
_FOLDERS = "dashboards"


def find(environment: Mapping[str, str] = os.environ) -> tuple[Path, Path] | None:
    """The program and its home folder, from GRAFANA_HOME or PATH, or None.

    Raises LabError if GRAFANA_HOME is set but has no program.
    """
    home = environment.get("GRAFANA_HOME")
    search = str(Path(home) / "bin") if home else environment.get("PATH")
    for name in ("grafana", "grafana-server"):
        if program := shutil.which(name, path=search):
            beside = Path(program).resolve().parent.parent
            packaged = _PACKAGED_HOME if _PACKAGED_HOME.is_dir() else beside
            return Path(program), Path(home) if home else packaged
    if home:
        raise LabError(f"GRAFANA_HOME={home!r} has no bin/grafana")
    return None


def dashboards(stack: Stack, objects: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The rendered dashboards: text by path `<folder>/<file>`, as the sidecar would write them."""
    sidecar = stack.values["grafana"]["sidecar"]["dashboards"]
    files: dict[str, str] = {}
    for item in objects:
        metadata = item["metadata"]
        label = (metadata.get("labels") or {}).get(sidecar["label"])
        if item["kind"] == "ConfigMap" and label is not None and label == sidecar["labelValue"]:
            folder = (metadata.get("annotations") or {}).get(sidecar["folderAnnotation"], "")
            files |= {str(Path(folder) / name): text for name, text in item["data"].items()}
    return files


def provisioning(
    stack: Stack, prometheus_url: str, alertmanager_url: str, folder: str
) -> dict[str, dict[str, Any]]:
    """The files that provision datasources and dashboards, by path in Grafana's provisioning folder.

    `folder` is where Grafana finds the files of `dashboards`.
    """
    provider = {
        "name": "rendered",
        "type": "file",
        "options": {"path": folder, "foldersFromFilesStructure": True},
    }
    sources = datasources(stack, prometheus_url, alertmanager_url)
    return {
        "datasources/stack.yaml": {"apiVersion": 1, "datasources": sources},
        "dashboards/rendered.yaml": {"apiVersion": 1, "providers": [provider]},
    }


def datasources(stack: Stack, prometheus_url: str, alertmanager_url: str) -> list[dict[str, Any]]:
    """The datasources that kube-prometheus-stack provisions, at the given URLs."""
    values = stack.values["grafana"]["sidecar"]["datasources"]
    interval = values["defaultDatasourceScrapeInterval"] or stack.prometheus_spec["scrapeInterval"] or "30s"
    return [
        {
            "name": values["name"],
            "type": "prometheus",
            "uid": values["uid"],
            "url": prometheus_url,
            "access": "proxy",
            "isDefault": True,
            "jsonData": {"httpMethod": values["httpMethod"], "timeInterval": interval},
        },
        {
            "name": values["alertmanager"]["name"],
            "type": "alertmanager",
            "uid": values["alertmanager"]["uid"],
            "url": alertmanager_url,
            "access": "proxy",
            "jsonData": {"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
        },
    ]


def settings(stack: Stack) -> dict[str, str]:
    """Environment variables of every Grafana: its home page, and no requests to its vendor."""
    return {
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        # Grafana 13 would replace the plugins of its image. In a read-only container that fails, and the
        # datasource of Prometheus is lost.
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_PLUGINS_PREINSTALL_AUTO_UPDATE": "false",
        "GF_USERS_HOME_PAGE": stack.values["grafana"]["grafana.ini"]["users"]["home_page"],
    }


def command(
    found: tuple[Path, Path], stack: Stack, files: Mapping[str, str], ports: Ports, folder: Path
) -> Command:
    """How to start Grafana in a folder; `found` is the result of `find`, `files` of `dashboards`."""
    program, home = found
    made = provisioning(stack, ports.url("prometheus"), ports.url("alertmanager"), str(folder / _FOLDERS))
    subcommand = ("server",) if program.name == "grafana" else ()
    return Command(
        name="grafana",
        arguments=(str(program), *subcommand, "--homepath", str(home)),
        environment={
            "GF_SERVER_HTTP_ADDR": HOST,
            "GF_SERVER_HTTP_PORT": str(ports.grafana),
            "GF_PATHS_DATA": str(folder / "data"),
            "GF_PATHS_LOGS": str(folder / "data" / "log"),
            "GF_PATHS_PLUGINS": str(folder / "data" / "plugins"),
            "GF_PATHS_PROVISIONING": str(folder / "provisioning"),
            # Grafana listens on loopback only, so anyone who reaches it may see everything.
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            **settings(stack),
        },
        folder=folder,
        url=ports.url("grafana"),
        files={f"provisioning/{path}": yaml.safe_dump(content) for path, content in made.items()}
        | {f"{_FOLDERS}/{path}": text for path, text in files.items()},
    )
