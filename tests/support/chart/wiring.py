"""Checks of a render's references: each must lead to an existing object, each selector only to our pods."""

import json
import re
from collections.abc import Iterator
from typing import Any

from lab.render.chart import Render
from tests.support.chart import stack_wiring

Object = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet")
NAME = "app.kubernetes.io/name"
PROMETHEUS_PODS = {NAME: "prometheus"}
ANY_PROMETHEUS = {"namespaceSelector": {}, "podSelector": {"matchLabels": PROMETHEUS_PODS}}
# The operator's kinds, and the prefix of their selectors' names in the Prometheus object.
_SELECTED = {"ServiceMonitor": "serviceMonitor", "PrometheusRule": "rule"}


CLUSTER = ("kube_", "kubelet_", "container_", "namespace_workload_pod:")
"""Beginnings of the names of series about all pods: kube-state-metrics', the kubelet's and cAdvisor's."""


def faults(render: Render, release: str, namespace: str) -> list[str]:
    """Broken references and wrong selectors of our objects, one line each."""
    checks = [_identity(render, release, namespace), _dashboards(render, namespace)]
    checks.append(stack_wiring.faults(render, namespace))
    if render.values["storage-api"].get("enabled"):
        api = _Api(render, release, namespace)
        checks += [api.services(), api.pods(), api.monitoring(), api.policies(), api.routes(), api.scaling()]
    return [line for check in checks for line in check]


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Tell if a label selector (matchLabels, matchExpressions or both) matches these labels."""

    def holds(rule: Object) -> bool:
        key, operator, values = rule["key"], rule["operator"], rule.get("values", [])
        return {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[operator]

    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        holds(rule) for rule in selector.get("matchExpressions", [])
    )


def foreign_series(expression: str, namespace: str, job: str) -> list[str]:
    """The selectors in a PromQL expression that read other jobs' series or other services' records.

    Series of kube-state-metrics and the kubelets cover every pod of the namespace: they must be joined with
    the service's pods or workload.
    """
    joined = re.search(r"\b(service:(pod|workload):info|up)\{", expression)

    def ours(metric: str, matchers: str) -> bool:
        # The kubelet's series about a volume have the kubelet's job.
        one_job = f'job="{job}"' in matchers or "persistentvolumeclaim=" in matchers
        one_job |= bool(joined) and metric.startswith(
            ("kube_", "kubelet_", "container_", "namespace_workload_")
        )
        recorded = (":" in metric or metric == "ALERTS") and "slo" in matchers
        return f'namespace="{namespace}"' in matchers and (one_job or recorded)

    selectors = re.findall(r"([\w:]+)\{([^{}]*)\}", expression)
    return [f"{metric}{{{matchers}}}" for metric, matchers in selectors if not ours(metric, matchers)]


def _identity(render: Render, release: str, namespace: str) -> Iterator[str]:
    where = stack_wiring.namespaces(stack_wiring.stack_values(render), namespace)
    for o in render.ours:
        metadata = o["metadata"]
        name = f"{o['kind']} {metadata['name']}"
        # Objects for Alertmanager or Grafana are in the namespace of those: stack_wiring checks which.
        if metadata.get("namespace") not in {namespace, where["alertmanager"], where["grafana"]}:
            yield f"{name} is in namespace {metadata.get('namespace')}"
        if metadata["labels"].get("app.kubernetes.io/instance") != release:
            yield f"{name} lacks the label of its release"


def _dashboards(render: Render, namespace: str) -> Iterator[str]:
    """Check that the bundled Grafana's sidecar looks for each dashboard's ConfigMap, in its namespace."""
    values = stack_wiring.stack_values(render)
    if not (values["enabled"] and values["grafana"]["enabled"]):
        return
    sidecar = values["grafana"]["sidecar"]["dashboards"]
    label, value = sidecar["label"], sidecar["labelValue"]
    searched = sidecar["searchNamespace"] or stack_wiring.namespaces(values, namespace)["grafana"]
    searched = searched if isinstance(searched, list) else searched.split(",")
    for o in (o for o in render.ours if o["kind"] == "ConfigMap"):
        for name, text in o["data"].items():
            if name.endswith(".json") and "panels" in json.loads(text):
                metadata = o["metadata"]
                labels, annotations = metadata["labels"], metadata.get("annotations", {})
                if label not in labels or labels[label] != (value or labels[label]) or not sidecar["enabled"]:
                    yield f"Grafana does not pick up {name}"
                if not {"ALL", metadata["namespace"]} & set(searched):
                    yield f"Grafana's sidecar does not look for {name} in {metadata['namespace']}"
                if (key := sidecar.get("folderAnnotation")) and key not in annotations:
                    yield f"{name} has no folder annotation"


class _Api:
    """The storage API's workload, and checks of the objects that refer to it."""

    def __init__(self, render: Render, release: str, namespace: str) -> None:
        self.render, self.release, self.namespace = render, release, namespace
        self.api = self.one(*WORKLOADS)
        self.pod = self.api["spec"]["template"]
        self.labels = self.pod["metadata"]["labels"]
        self.service = self.one("Service", where=lambda o: o["spec"].get("clusterIP") != "None")

    def ours(self, *kinds: str) -> list[Object]:
        return [o for o in self.render.ours if o["kind"] in kinds]

    def one(self, *kinds: str, where=lambda _: True) -> Object:
        (found,) = [o for o in self.ours(*kinds) if where(o)]
        return found

    def has(self, kind: str, name: str) -> bool:
        return any(o["metadata"]["name"] == name for o in self.ours(kind))

    def services(self) -> Iterator[str]:
        ports = {port["name"]: port for c in self.pod["spec"]["containers"] for port in c.get("ports", [])}
        for service in self.ours("Service"):
            name = service["metadata"]["name"]
            selector = service["spec"]["selector"]
            if not selector.items() <= self.labels.items():
                yield f"Service {name} does not select our pods"
            if selector.get("app.kubernetes.io/instance") != self.release:
                yield f"Service {name} selects other releases' pods"
            for other in self.other_pods():
                if selector.items() <= other.items():
                    yield f"Service {name} selects pods that are not the API's"
            if len({port["port"] for port in service["spec"]["ports"]}) < len(service["spec"]["ports"]):
                yield f"Service {name} has two ports with the same number"
            yield from (
                f"Service {name} leads to port {port['targetPort']}, which no container has"
                for port in service["spec"]["ports"]
                if port["targetPort"] not in ports
            )

    def other_pods(self) -> Iterator[dict[str, str]]:
        """The labels of every pod that is not the API's."""
        for o in self.render.objects:
            if o is not self.api:
                if o["kind"] == "Pod":
                    yield o["metadata"].get("labels", {})
                elif o["kind"] in (*WORKLOADS, "DaemonSet", "Job"):
                    yield o["spec"]["template"]["metadata"].get("labels", {})

    def pods(self) -> Iterator[str]:
        if not selects(self.api["spec"]["selector"], self.labels):
            yield "the workload's selector does not select its pods"
        spec = self.pod["spec"]
        account = spec["serviceAccountName"]
        made = self.render.values["storage-api"]["serviceAccount"].get("create")
        if made and not self.has("ServiceAccount", account):
            yield f"the pods' ServiceAccount {account} does not exist"
        for each in (spec, *(pod["spec"] for pod in self.test_pods())):
            volumes = [volume["name"] for volume in each.get("volumes", ())]
            yield from (f"two volumes are named {name}" for name in set(volumes) if volumes.count(name) > 1)
            mounted = [m["name"] for c in each["containers"] for m in c.get("volumeMounts", ())]
            yield from (
                f"volume {name} is mounted but not defined" for name in mounted if name not in volumes
            )
        for container in spec["containers"]:
            name = self.service["metadata"]["name"]
            if {"configMapRef": {"name": name}} in container["envFrom"] and not self.has("ConfigMap", name):
                yield f"ConfigMap {name} is read but does not exist"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                port = container[probe]["httpGet"]["port"]
                if port not in [each["name"] for each in container["ports"]]:
                    yield f"{probe} uses port {port}, which the container does not have"
        given = self.render.values["storage-api"]["store"]["persistence"].get("existingClaim")
        for volume in spec["volumes"]:
            claim = volume.get("persistentVolumeClaim", {}).get("claimName", given)
            if volume["name"] == "data" and claim != given and not self.has("PersistentVolumeClaim", claim):
                yield f"claim {claim} is mounted but does not exist"
        if self.api["kind"] == "StatefulSet" and not self.has("Service", self.api["spec"]["serviceName"]):
            yield "the StatefulSet's Service does not exist"

    def monitoring(self) -> Iterator[str]:
        for monitor in self.ours("ServiceMonitor"):
            selector, namespaces = monitor["spec"]["selector"], monitor["spec"]["namespaceSelector"]
            if namespaces != {"matchNames": [self.namespace]}:
                yield f"the ServiceMonitor selects the namespaces {namespaces}"
            found = [
                o for o in self.render.objects
                if o["kind"] == "Service" and selects(selector, o["metadata"].get("labels", {}))
            ]  # fmt: skip
            if found != [self.service]:
                yield f"the ServiceMonitor selects {[o['metadata']['name'] for o in found]}"
            ports = [port["name"] for port in self.service["spec"]["ports"]]
            yield from (
                f"the ServiceMonitor scrapes port {endpoint['port']}, which the Service does not have"
                for endpoint in monitor["spec"]["endpoints"]
                if endpoint["port"] not in ports
            )
        job = self.service["metadata"]["name"]
        # The platform's own rules are about all targets.
        for rule in (o for o in self.ours("PrometheusRule") if o["metadata"]["name"].endswith(job)):
            for each in (r for group in rule["spec"]["groups"] for r in group["rules"]):
                name = each.get("record") or each["alert"]
                yield from (
                    f"rule {name} reads more than our job: {series}"
                    for series in foreign_series(each["expr"], self.namespace, job)
                )
        for o in self.ours(*_SELECTED):
            if not self.picked_up(o):
                yield f"Prometheus does not pick up our {o['kind']}"

    def picked_up(self, o: Object) -> bool:
        """Tell if Prometheus selects an object, according to the rendered Prometheus, else to the values."""
        key = _SELECTED[o["kind"]]
        labels = o["metadata"]["labels"]
        if found := self.render.find("Prometheus"):
            spec = found[0]["spec"]
        else:
            values = stack_wiring.stack_values(self.render)
            if not values["enabled"]:
                return labels.get("release") is not None
            spec = values["prometheus"]["prometheusSpec"]
            # The dependency's templates would expand it.
            spec = json.loads(json.dumps(spec).replace("{{ .Release.Name }}", self.release))
        selector = spec[f"{key}Selector"]
        if not selector and spec.get(f"{key}SelectorNilUsesHelmValues"):
            selector = {"matchLabels": {"release": self.release}}
        name = spec[f"{key}NamespaceSelector"].get("matchLabels", {}).get("kubernetes.io/metadata.name")
        return selects(selector, labels) and name in (None, self.namespace)

    def policies(self) -> Iterator[str]:
        for policy in self.ours("NetworkPolicy"):
            spec = policy["spec"]
            name = policy["metadata"]["name"]
            if selects(spec["podSelector"], self.labels):
                ports = [port["name"] for c in self.pod["spec"]["containers"] for port in c["ports"]]
                for pod in self.test_pods():  # these must always be allowed
                    for port in ports:
                        if not self.admitted(spec, pod["metadata"]["labels"], port):
                            yield f"NetworkPolicy {name} blocks {pod['metadata']['name']} on port {port}"
                scrapers = self.render.values["storage-api"]["networkPolicy"]["metrics"].get("from")
                for port in {e["port"] for o in self.ours("ServiceMonitor") for e in o["spec"]["endpoints"]}:
                    if scrapers == [ANY_PROMETHEUS] and not self.admitted(spec, PROMETHEUS_PODS, port):
                        yield f"NetworkPolicy {name} blocks Prometheus"
            else:
                yield f"NetworkPolicy {name} does not select our pods"
            if any(selects(spec["podSelector"], labels) for labels in self.other_pods()):
                yield f"NetworkPolicy {name} selects pods that are not the API's"

    def test_pods(self) -> list[Object]:
        """The `helm test` pods that call the API."""
        return [o for o in self.ours("Pod") if o["metadata"]["labels"][NAME] == self.labels[NAME]]

    def admitted(self, spec: Object, labels: dict[str, str], port: str) -> bool:
        """Tell if a policy allows ingress on `port` from pods with these labels."""
        return any(
            port in [each["port"] for each in rule["ports"]]
            and any("podSelector" in peer and selects(peer["podSelector"], labels) for peer in rule["from"])
            for rule in spec["ingress"]
        )

    def routes(self) -> Iterator[str]:
        ports = self.service["spec"]["ports"]
        name = self.service["metadata"]["name"]
        for ingress in self.ours("Ingress"):
            for path in (path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]):
                backend = path["backend"]["service"]
                if backend["name"] != name or backend["port"]["name"] not in [p["name"] for p in ports]:
                    yield f"the Ingress leads to {backend}"
        for route in self.ours("HTTPRoute"):
            for backend in (ref for rule in route["spec"]["rules"] for ref in rule["backendRefs"]):
                if backend["name"] != name or backend["port"] not in [p["port"] for p in ports]:
                    yield f"the HTTPRoute leads to {backend}"
        for certificate in self.ours("Certificate"):
            for tls in (t for i in self.ours("Ingress") for t in i["spec"].get("tls", [])):
                if tls["secretName"] != certificate["spec"]["secretName"]:
                    yield f"the Ingress reads Secret {tls['secretName']}, which the Certificate does not fill"
                if not set(tls["hosts"]) <= set(certificate["spec"]["dnsNames"]):
                    yield "the Certificate does not cover the Ingress"

    def scaling(self) -> Iterator[str]:
        scalers = self.ours("HorizontalPodAutoscaler")
        for scaler in scalers:
            target = scaler["spec"]["scaleTargetRef"]
            own = (self.api["apiVersion"], self.api["kind"], self.api["metadata"]["name"])
            if (target["apiVersion"], target["kind"], target["name"]) != own:
                yield f"the HorizontalPodAutoscaler scales {target}"
        if bool(scalers) == ("replicas" in self.api["spec"]):
            yield "replicas must be set by the workload or by the HorizontalPodAutoscaler, not by both"
        for budget in self.ours("PodDisruptionBudget"):
            if not selects(budget["spec"]["selector"], self.labels):
                yield "the PodDisruptionBudget does not select our pods"
            if any(selects(budget["spec"]["selector"], labels) for labels in self.other_pods()):
                yield "the PodDisruptionBudget selects pods that are not the API's"
