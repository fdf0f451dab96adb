"""Scrape config and rules for a service of the user's, from the values that the chart would get for it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError
from lab.render.chart import Render, load_yaml, render_chart
from lab.render.discovery import Pod, Port
from lab.render.stack import Stack
from lab.servers import prometheus


def read(path: Path) -> tuple[str, dict[str, Any]]:
    """The address of a service and its values below `slo`, from its file; raises LabError."""
    try:
        given = load_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise LabError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(given, dict) or given.keys() != {"address", "slo"}:
        raise LabError(f"{path}: the keys address and slo are needed, and no others")
    if not re.fullmatch(r"[A-Za-z0-9.-]+:\d+", str(given["address"])):
        raise LabError(
            f"{path}: address: {given['address']!r} is not a host and a port, such as checkout:8000"
        )
    services = given["slo"].get("services") if isinstance(given["slo"], dict) else None
    if not isinstance(services, dict) or len(services) != 1:
        raise LabError(f"{path}: slo.services: exactly one service is needed")
    return given["address"], given["slo"]


def configuration(
    slo: Mapping[str, Any], address: str, without: Render, values: Path
) -> dict[str, dict[str, Any]]:
    """The files `scrape` and `rules`, by these names, for the service below `slo.services`.

    `address` is the host:port at which Prometheus reaches it. `without` is the render without the service, of
    the values in the file `values`. Raises LabError, and RenderError if the chart refuses the values.
    """
    render = render_chart({"slo": slo}, value_files=[values])
    known = {_key(item) for item in without.objects}
    added = [index for index, item in enumerate(render.objects) if _key(item) not in known]
    own = replace(
        render,
        objects=[render.objects[index] for index in added],
        sources=[render.sources[index] for index in added],
    )
    monitors = own.find("ServiceMonitor")
    if len(monitors) != 1:
        raise LabError(
            f"slo.services.{next(iter(slo['services']))}.scrape.kind: only ServiceMonitor is supported here"
        )
    service, pod = _in_cluster(monitors[0], address)
    made = prometheus.configuration(own, Stack.of(render), [pod], [service], "")
    groups = [group for rules in made.rules.values() for group in rules["groups"]]
    return {"scrape": {"scrape_configs": made.main["scrape_configs"]}, "rules": {"groups": groups}}


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


def _in_cluster(monitor: Mapping[str, Any], address: str) -> tuple[dict[str, Any], Pod]:
    """The Service and the pod that the ServiceMonitor would select in a cluster."""
    labels = monitor["spec"]["selector"]["matchLabels"]
    namespace = monitor["spec"]["namespaceSelector"]["matchNames"][0]
    name, port = address.partition(":")[0], monitor["spec"]["endpoints"][0]["port"]
    number = int(address.rpartition(":")[2])
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"selector": labels, "ports": [{"name": port, "port": number}]},
    }
    return service, Pod(name, namespace, labels, (Port(port, number, name, address),))
