"""Invalid values, one at a time: each is refused with the path of the value."""

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.render.chart import NAMESPACE, RELEASE, RenderError, render_chart
from lab.toolchain import ToolError, checks
from tests.support.chart import wiring
from tests.support.chart.alerting import ALERTING
from tests.support.chart.kube_schemas import errors, kubernetes_versions
from tests.support.chart.schema_faults import Fault, faults
from tests.support.chart.schema_values import nested


@pytest.fixture(scope="session")
def sample(reader, draws):
    """Faults of the schema, the same in each run: all of rare kinds, equal shares of common kinds."""
    shuffled = sorted(faults(reader), key=lambda fault: hashlib.sha256(str(fault).encode()).digest())
    counted = Counter(fault.kind for fault in shuffled)
    count = draws(60, 1000)
    chosen: list[Fault] = []
    for left, kind in zip(range(len(counted), 0, -1), sorted(counted, key=counted.get), strict=True):
        share = (count - len(chosen)) // left
        chosen += [fault for fault in shuffled if fault.kind == kind][:share]
    assert len(chosen) == count
    return chosen


def complaint(fault, helm=None):
    """Return what is wrong with the refusal of a fault, or None."""
    try:
        render_chart(fault.values, helm=helm)
    except RenderError as error:
        return None if names(str(error), fault) else f"{fault} is refused without its path: {error}"
    return f"{fault} is not refused"


def names(refusal, fault):
    """Tell if a refusal names the value's path (and an unknown key), in the words of Helm or of the chart."""
    if fault.kind == "key" and refusal.startswith(f"{'.'.join(fault.path)}: not a "):
        return True
    paths = [fault.path, fault.path[:-1]] if fault.kind == "key" else [fault.path]
    paths += [path[1:] for path in paths if path[:1] in (("storage-api",), ("slo",))]
    places = [
        f"at '/{'/'.join(each)}':" if each else "at the first level:"  # the second in the lab's words
        for each in paths
    ]
    places += [f"- {'.'.join(each) or '(root)'}: " for each in paths]
    places += [f"type mismatch on {'.'.join(each)}: " for each in paths]
    return any(place in refusal for place in places) and (fault.kind != "key" or fault.path[-1] in refusal)


def complaints(sample, helm=None):
    with ThreadPoolExecutor(2) as pool:
        return [line for line in pool.map(lambda fault: complaint(fault, helm), sample) if line]


@pytest.mark.timeout(900)
def test_an_invalid_value_is_refused_with_its_path(sample):
    assert {"type", "key", "range", "choice", "pattern", "length"} <= {fault.kind for fault in sample}
    found = complaints(sample)
    assert not found, f"{len(found)} of {len(sample)}: " + "\n".join(found[:20])


def test_helm_3_refuses_invalid_values_too(sample, draws, missing_part):
    try:
        helm = checks.helm3()
    except ToolError as error:
        missing_part(str(error))
    found = complaints(sample[:: draws(6, 20)], helm)
    assert not found, "\n".join(found[:20])


S3 = {"type": "s3", "s3": {"bucket": "objects"}}
KEYS = {"accessKeyId": "id", "secretAccessKey": "key"}
ROUTE = {"enabled": True, "parentRefs": [{"name": "public"}]}
STACK = "kube-prometheus-stack"


def grafana(**values):
    return {STACK: {"grafana": values}}


def sidecar(**values):
    return grafana(sidecar={"dashboards": values})


def prometheus(**values):
    return {STACK: {"prometheus": {"prometheusSpec": values}}}


def routed(**values):
    """Return values with a receiver for alerts and these values of the stack."""
    return {"alerting": ALERTING, STACK: values}


def api(**values):
    return {"storage-api": values}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("storage-api.replicas", api(replicas=2)),
        ("storage-api.replicas", api(replicas=2, store={"type": "memory"})),
        ("storage-api.autoscaling.enabled", api(autoscaling={"enabled": True})),
        (
            "storage-api.autoscaling.minReplicas",
            api(store=S3, autoscaling={"enabled": True, "minReplicas": 5, "maxReplicas": 4}),
        ),
        (
            "storage-api.resources.requests.cpu",
            api(store=S3, autoscaling={"enabled": True}, resources={"requests": {"cpu": None}}),
        ),
        ("storage-api.store.s3.bucket", api(store={"type": "s3"})),
        (
            "storage-api.store.s3.existingSecret",
            api(store={"type": "s3", "s3": {"bucket": "objects", "existingSecret": "s", **KEYS}}),
        ),
        (
            "storage-api.store.s3.accessKeyId",
            api(store={"type": "s3", "s3": {"bucket": "objects", "accessKeyId": "a"}}),
        ),
        (
            "storage-api.store.persistence.existingClaim",
            api(store={"persistence": {"enabled": False, "existingClaim": "c"}}),
        ),
        ("storage-api.store.gcs.bucket", api(store={"type": "gcs"})),
        ("storage-api.store.azure.account", api(store={"type": "azure"})),
        ("storage-api.store.azure.container", api(store={"type": "azure"})),
        ("storage-api.store.minFreeBytes", api(store={"minFreeBytes": 2**40})),
        ("storage-api.metrics.port", api(metrics={"port": 5000})),
        ("storage-api.metrics.port", api(metrics={"port": 443})),
        (
            "storage-api.config.metricsDisabled",
            api(config={"metricsDisabled": ["http_request_count", "http_request_duration_seconds"]}),
        ),
        ("storage-api.ingress.hosts", api(ingress={"enabled": True})),
        (
            "storage-api.ingress.path",
            api(ingress={"enabled": True, "hosts": ["a.example"], "path": "/storage"}),
        ),
        ("storage-api.httpRoute.parentRefs", api(httpRoute={"enabled": True})),
        (
            "storage-api.httpRoute.hostnames",
            api(ingress={"enabled": True, "hosts": ["a.example"]}, httpRoute=ROUTE),
        ),
        (
            "storage-api.httpRoute.hostnames",
            api(
                ingress={"enabled": True, "hosts": ["a.example"]},
                httpRoute={**ROUTE, "hostnames": ["b.example", "a.example"]},
            ),
        ),
        ("storage-api.certificate.enabled", api(certificate={"enabled": True, "issuerRef": {"name": "ca"}})),
        (
            "storage-api.certificate.issuerRef.name",
            api(certificate={"enabled": True}, ingress={"enabled": True, "hosts": ["a.example"]}),
        ),
        (
            "storage-api.ingress.tlsSecret",
            api(
                certificate={"enabled": True, "issuerRef": {"name": "ca"}},
                ingress={"enabled": True, "hosts": ["a.example"], "tlsSecret": "tls"},
            ),
        ),
        ("storage-api.serviceMonitor.scrapeTimeout", api(serviceMonitor={"scrapeTimeout": "20s"})),
        ("storage-api.serviceMonitor.interval", api(serviceMonitor={"interval": "1m"})),
        ("storage-api.extraVolumes", api(extraVolumes=[{"name": "tmp", "emptyDir": {}}])),
        ("alerting.critical", {"alerting": {"enabled": True}}),
        (
            f"{STACK}.alertmanager.config.receivers",
            {STACK: {"alertmanager": {"config": {"receivers": [{"name": "x"}]}}}},
        ),
        (f"{STACK}.grafana.admin.existingSecret", {"global": {"gitops": True}}),
        (
            f"{STACK}.grafana.deploymentStrategy.type",
            grafana(persistence={"enabled": True}, deploymentStrategy={"type": "RollingUpdate"}),
        ),
        (
            f"{STACK}.grafana.additionalDataSources",
            grafana(
                additionalDataSources=[{"name": "Loki", "type": "loki", "uid": "loki", "isDefault": True}]
            ),
        ),
        ("dashboards.labels", {"dashboards": {"labels": {"grafana_dashboard": "2"}}}),
        ("dashboards.folderAnnotation", {"dashboards": {"folderAnnotation": "folder"}}),
        ("dashboards.folder", {"dashboards": {"folder": "General"}}),
        ("dashboards.extra.shop.json", {"dashboards": {"extra": {"shop": {"json": "{"}}}}),
        (f"{STACK}.grafana.grafana.ini.users.home_page", {"dashboards": {"enabled": False}}),
        (
            f"{STACK}.grafana.sidecar.datasources.exemplarTraceIdDestinations",
            grafana(sidecar={"datasources": {"exemplarTraceIdDestinations": {"datasourceUid": "tempo"}}}),
        ),
        (
            f"{STACK}.prometheusOperator.admissionWebhooks.patch.enabled",
            {STACK: {"prometheusOperator": {"admissionWebhooks": {"certManager": {"enabled": True}}}}},
        ),
        # Values that make a part of the stack unreachable, or leave its alerts or dashboards unused.
        *[
            (f"{STACK}.{part}.service.enabled", {STACK: {part: {"service": {"enabled": False}}}})
            for part in ("prometheus", "alertmanager", "grafana")
        ],
        *[
            (f"{STACK}.{part}.{part}Spec.{key}", {STACK: {part: {f"{part}Spec": values}}})
            for part in ("prometheus", "alertmanager")
            for key, values in (
                ("listenLocal", {"listenLocal": True}),
                ("web.tlsConfig", {"web": {"tlsConfig": {"keySecret": {"name": "tls", "key": "tls.key"}}}}),
            )
        ],
        (f"{STACK}.prometheus.agentMode", {STACK: {"prometheus": {"agentMode": True}}}),
        (f"{STACK}.prometheus.prometheusSpec.hostNetwork", prometheus(hostNetwork=True)),
        *[
            (f"{STACK}.prometheus.prometheusSpec.{kind}Selector", prometheus(**{f"{kind}Selector": selector}))
            for kind in ("serviceMonitor", "rule")
            for selector in (
                {"matchLabels": {"team": "a"}},
                {"matchLabels": {"release": "platform", "team": "a"}},
                {"matchExpressions": [{"key": "release", "operator": "NotIn", "values": ["platform"]}]},
                {"matchExpressions": [{"key": "release", "operator": "DoesNotExist"}]},
            )
        ],
        (
            f"{STACK}.prometheus.prometheusSpec.serviceMonitorSelector",
            {
                **prometheus(serviceMonitorSelectorNilUsesHelmValues=True),
                "global": {"monitoring": {"labels": {"release": "other"}}},
            },
        ),
        *[
            (
                f"{STACK}.prometheus.prometheusSpec.{kind}NamespaceSelector",
                prometheus(
                    **{f"{kind}NamespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}
                ),
            )
            for kind in ("serviceMonitor", "rule")
        ],
        (
            f"{STACK}.prometheusOperator.namespaces",
            {STACK: {"prometheusOperator": {"namespaces": {"additional": ["other"]}}}},
        ),
        (
            f"{STACK}.prometheusOperator.namespaces",
            {
                STACK: {
                    "namespaceOverride": "mm",
                    "prometheusOperator": {"namespaces": {"releaseNamespace": True}},
                }
            },
        ),
        (
            f"{STACK}.prometheusOperator.denyNamespaces",
            {STACK: {"prometheusOperator": {"denyNamespaces": [NAMESPACE]}}},
        ),
        (f"{STACK}.alertmanager.namespaceOverride", {STACK: {"alertmanager": {"namespaceOverride": "am"}}}),
        (
            f"{STACK}.grafana.sidecar.datasources.alertmanager.url",
            {STACK: {"alertmanager": {"namespaceOverride": "am"}}},
        ),
        (f"{STACK}.alertmanager.enabled", routed(alertmanager={"enabled": False})),
        (
            f"{STACK}.prometheus.prometheusSpec.disableAlerting",
            routed(prometheus={"prometheusSpec": {"disableAlerting": True}}),
        ),
        (
            f"{STACK}.alertmanager.alertmanagerSpec.alertmanagerConfigSelector",
            routed(
                alertmanager={
                    "alertmanagerSpec": {"alertmanagerConfigSelector": {"matchLabels": {"team": "a"}}}
                }
            ),
        ),
        (
            f"{STACK}.alertmanager.alertmanagerSpec.alertmanagerConfigMatcherStrategy.type",
            {
                **routed(
                    alertmanager={
                        "alertmanagerSpec": {"alertmanagerConfigMatcherStrategy": {"type": "OnNamespace"}}
                    }
                ),
                "slo": {"services": {"checkout": {"namespace": "shop", "preset": "otel-http"}}},
            },
        ),
        (
            f"{STACK}.prometheusOperator.alertmanagerConfigNamespaces",
            routed(prometheusOperator={"alertmanagerConfigNamespaces": ["other"]}),
        ),
        (f"{STACK}.grafana.admin.passwordKey", grafana(admin={"userKey": "a", "passwordKey": "a"})),
        (f"{STACK}.grafana.env.GF_SECURITY_ADMIN_USER", grafana(env={"GF_SECURITY_ADMIN_USER": "me"})),
        (f"{STACK}.grafana.env.GF_SECURITY_ADMIN_PASSWORD", grafana(env={"GF_SECURITY_ADMIN_PASSWORD": "a"})),
        (
            f"{STACK}.grafana.grafana.ini.auth.basic.enabled",
            grafana(**{"grafana.ini": {"auth.basic": {"enabled": False}}}),
        ),
        (
            f"{STACK}.grafana.grafana.ini.server.protocol",
            grafana(**{"grafana.ini": {"server": {"protocol": "https"}}}),
        ),
        (
            f"{STACK}.grafana.additionalDataSources",
            grafana(
                sidecar={"datasources": {"isDefaultDatasource": False}},
                additionalDataSources=[
                    {"name": name, "type": "loki", "uid": name, "isDefault": True} for name in ("a", "b")
                ],
            ),
        ),
        (f"{STACK}.grafana.sidecar.dashboards.enabled", sidecar(enabled=False)),
        (f"{STACK}.grafana.sidecar.dashboards.SCProvider", sidecar(SCProvider=False)),
        (f"{STACK}.grafana.sidecar.dashboards.resource", sidecar(resource="secret")),
        (f"{STACK}.grafana.sidecar.dashboards.resourceName", sidecar(resourceName="a/configmap/b")),
        (f"{STACK}.grafana.sidecar.dashboards.searchNamespace", sidecar(searchNamespace="a,b")),
        (f"{STACK}.grafana.sidecar.dashboards.searchNamespace", sidecar(searchNamespace=["a"])),
        (
            f"{STACK}.grafana.sidecar.dashboards.searchNamespace",
            grafana(namespaceOverride="gg", sidecar={"dashboards": {"searchNamespace": ""}}),
        ),
        (
            f"{STACK}.grafana.sidecar.dashboards.provider.foldersFromFilesStructure",
            sidecar(provider={"foldersFromFilesStructure": False}),
        ),
        ("dashboards.labels", sidecar(label="dashboard", labelValue="")),
        (f"{STACK}.grafana.rbac.namespaces", grafana(namespaceOverride="gg", rbac={"namespaced": True})),
    ],
)
def test_contradicting_values_are_refused_with_the_path_first(path, values):
    with pytest.raises(RenderError) as refused:
        render_chart(values)
    lines = str(refused.value).split("; ")
    assert any(line.startswith(f"{path}: ") for line in lines), refused.value


@pytest.mark.timeout(900)
def test_a_value_set_to_null_is_refused_or_harmless(reader, draws):
    """Helm reads null as "remove the default", even if the schema does not allow null."""

    def complaint(path):
        try:
            render = render_chart(nested(path, None))
        except RenderError as error:
            return None if names(str(error), Fault("key", path, None)) else f"{'.'.join(path)}: {error}"
        found = [line for o in render.ours for line in errors(o, kubernetes_versions()[-1])]
        return f"{'.'.join(path)}: {found or wiring.faults(render, RELEASE, NAMESPACE)}"

    settings = [path for path, schema in reader.settings() if schema.keys() & {"type", "enum", "anyOf"}]
    ours = settings[:: draws(6, 1)]
    with ThreadPoolExecutor(2) as pool:
        found = [line for line in pool.map(complaint, ours) if line and not line.endswith(": []")]
    assert not found, f"{len(found)} of {len(ours)}: " + "\n".join(found[:20])
