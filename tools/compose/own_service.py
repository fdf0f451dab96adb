"""Scrape config and rules for a service of the user's, from the values that the chart would get for it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.render.chart import Render, render_chart
from lab.render.discovery import Pod, Port
from lab.render.stack import Stack
from lab.servers import prometheus


def configuration(
    slo: Mapping[str, Any], address: str, without: Render, values: Path
) -> dict[str, dict[str, Any]]:
    """The files `scrape` and `rules`, by these names, for the service below `slo.services`.

    `address` is the host:port at which Prometheus reaches it. `without` is the render without the service, of
    the values in the file `values`. Raises LabError if the values make no ServiceMonitor.
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
            f"{', '.join(slo['services'])}: one service with scrape.kind ServiceMonitor is expected, "
            f"the values make {len(monitors)} ServiceMonitors"
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
