"""Checks of our objects' references to the bundled stack: each must exist where the dependency puts it."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from lab.render.chart import DEPENDENCY, Render
from tests.support.chart import stack_draws
from tests.support.chart.schema_values import merged

Object = dict[str, Any]
PARTS = ("prometheus", "alertmanager", "grafana")
GRAFANA_SECRET = "observability-platform-grafana-admin"  # noqa: S105 (a name)


def stack_values(render: Render) -> dict[str, Any]:
    """The values of kube-prometheus-stack, with defaults for those that our templates read."""
    return merged(stack_draws.defaults(), render.values.get(DEPENDENCY, {}))


def namespaces(values: dict[str, Any], namespace: str) -> dict[str, str]:
    """The namespace of each part of the stack if the release is in `namespace`."""
    stack = values["namespaceOverride"] or namespace
    return {
        "prometheus": stack,
        "alertmanager": values["alertmanager"]["namespaceOverride"] or stack,
        "grafana": values["grafana"]["namespaceOverride"] or namespace,
    }


def faults(render: Render, namespace: str) -> Iterator[str]:
    """Broken references of our objects to the stack, one line each."""
    values = stack_values(render)
    if not values["enabled"]:
        return
    where = namespaces(values, namespace)
    for part in PARTS:
        given = render.values["tests"].get(f"{part}Url")
        for pod in [] if given else _test_pods(render, part):
            yield from _addressed(render, values, part, where[part], _environment(pod)["URL"]["value"])
    if values["grafana"]["enabled"]:
        yield from _login(render, values, where["grafana"])
    for config in (o for o in render.ours if o["kind"] == "AlertmanagerConfig"):
        if values["alertmanager"]["enabled"] and config["metadata"]["namespace"] != where["alertmanager"]:
            yield f"the AlertmanagerConfig is not in Alertmanager's namespace {where['alertmanager']}"
    if _has_services(render):
        yield from _of_the_dependency(render)


def _has_services(render: Render) -> bool:
    """Tell if the dependency's Services can be looked up: it renders a namespace such as `007` unquoted."""
    found = [o["metadata"]["namespace"] for o in render.find("Service")]
    return not render.stand_in and all(isinstance(namespace, str) for namespace in found)


def _test_pods(render: Render, part: str) -> list[Object]:
    return [o for o in render.ours if o["kind"] == "Pod" and o["metadata"]["name"].endswith(f"-test-{part}")]


def _environment(pod: Object) -> dict[str, Object]:
    return {each["name"]: each for each in pod["spec"]["containers"][0]["env"]}


def _addressed(render: Render, values: dict[str, Any], part: str, namespace: str, url: str) -> Iterator[str]:
    """Check that a `helm test` address leads to a part of the stack."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    name, _, found = host.partition(".")
    if found != namespace or port != values[part]["service"]["port"]:
        yield f"`helm test` calls {url}, but {part} is in {namespace} or has another port"
    services = [o["spec"] for o in render.find("Service", name) if o["metadata"]["namespace"] == found]
    ports = [each["port"] for spec in services for each in spec["ports"]]
    if _has_services(render) and port not in ports:
        yield f"`helm test` calls {url}, but no Service has this address"
    if part != "grafana":
        prefix = values[part][f"{part}Spec"]["routePrefix"].rstrip("/")
        if urlsplit(url).path != prefix:
            yield f"`helm test` calls {url}, but {part} is below {prefix}"


def _login(render: Render, values: dict[str, Any], namespace: str) -> Iterator[str]:
    """Check that Grafana, its sidecars and `helm test` read the login from the same Secret."""
    admin = values["grafana"]["admin"]
    keys = {admin["userKey"], admin["passwordKey"]}
    if admin["existingSecret"] == GRAFANA_SECRET:
        secrets = render.find("Secret", GRAFANA_SECRET)
        if [(o["metadata"]["namespace"], o["data"].keys()) for o in secrets] != [(namespace, keys)]:
            yield f"there is no Secret {GRAFANA_SECRET} with {keys} in {namespace}"
    if render.values["tests"].get("grafanaUrl"):
        return
    for pod in _test_pods(render, "grafana"):
        asked = [
            each["valueFrom"]["secretKeyRef"] for each in _environment(pod).values() if "valueFrom" in each
        ]
        if {each["key"] for each in asked} != keys or {each["name"] for each in asked} != {
            admin["existingSecret"]
        }:
            yield f"`helm test` logs into Grafana with {asked}"
        if pod["metadata"]["namespace"] != namespace:
            yield f"`helm test` reads Grafana's Secret in {pod['metadata']['namespace']}, not in {namespace}"


def _of_the_dependency(render: Render) -> Iterator[str]:
    """Check that the dependency's own objects refer to Services that exist."""
    services = {
        (o["metadata"]["name"], o["metadata"]["namespace"], port["port"])
        for o in render.find("Service")
        for port in o["spec"]["ports"]
    }
    for prometheus in render.find("Prometheus"):
        for each in prometheus["spec"].get("alerting", {}).get("alertmanagers", ()):
            names = {(name, namespace) for name, namespace, _ in services}
            if (
                each["name"].startswith("observability-platform")
                and (each["name"], each["namespace"]) not in names
            ):
                yield f"Prometheus sends alerts to {each['namespace']}/{each['name']}, which does not exist"
    made = {o["kind"] for o in render.objects}
    for o in render.find("ConfigMap"):
        for url in re.findall(r"url: http://(\S+)", o["data"].get("datasource.yaml", "")):
            found = re.fullmatch(r"(observability-platform-([a-z]+))\.([^:/]+):(\d+)(/.*)?", url)
            if (
                found
                and found[2].capitalize() in made
                and (found[1], found[3], int(found[4])) not in services
            ):
                yield f"a datasource has {url}, but no Service has this address"
