"""The example service checkout, which stands for a service that is not part of the chart."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.command import Command
from lab.ports import HOST, Ports
from lab.render.chart import KubernetesLoader
from lab.render.discovery import Pod
from lab.render.workload import pod_of

NAME = "checkout"
_FOLDER = Path("examples") / NAME


def manifests(root: Path) -> list[dict[str, Any]]:
    """The Kubernetes objects that a cluster would run it with, of the repository at `root`."""
    text = (root / _FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")
    return list(yaml.load_all(text, Loader=KubernetesLoader))


def pod(objects: Sequence[Mapping[str, Any]], address: str) -> Pod:
    """Its pod, whose port is served at the local host:port."""
    (workload,) = (item for item in objects if item["kind"] == "Deployment")
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return pod_of(workload, container, {port["name"]: address for port in container["ports"]})


def command(ports: Ports, folder: Path, root: Path) -> Command:
    """How to start it in a folder, from the repository at `root`."""
    program = root / _FOLDER / "app.py"
    return Command(
        name=NAME,
        arguments=(sys.executable, str(program)),
        environment={"HOST": HOST, "PORT": str(ports.checkout)},
        folder=folder,
        url=ports.url(NAME),
        source=hashlib.sha256(program.read_bytes()).hexdigest(),
    )
