"""Each outcome of each check, on a recorded cluster that has one thing changed."""

import re

import pytest

from lab.doctor.checks import access, crds, nodes, operator, pods, release, secrets, versions, webhooks
from lab.doctor.plan import MONITORING, Plan
from lab.doctor.result import Result, Status, listed
from tests.support.chart.kube_schemas import kubernetes_versions

NAMESPACES, PODS, SECRETS = "/api/v1/namespaces", "/api/v1/pods", "/api/v1/secrets"
CONFIG_MAPS = "/api/v1/configmaps"
SERVICES, NODES = "/api/v1/services", "/api/v1/nodes"
DEPLOYMENTS = "/apis/apps/v1/deployments"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
DEFINITIONS = crds.DEFINITIONS
PROMETHEUSES = f"/apis/{MONITORING}/v1/prometheuses"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
BYO = {"enabled": False}
RULE = {
    "apiVersion": f"{MONITORING}/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "platform", "labels": {"release": "byo"}},
    "spec": {
        "groups": [{"name": "g", "rules": [{"alert": "A", "expr": "1", "labels": {"severity": "page"}}]}]
    },
}
MONITOR = {
    "apiVersion": f"{MONITORING}/v1",
    "kind": "ServiceMonitor",
    "metadata": {"name": "platform", "labels": {"release": "byo"}},
    "spec": {"selector": {"matchLabels": {"app": "a"}}, "endpoints": [{"port": "http", "interval": "30s"}]},
}
SAFE = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def workload(kind: str = "Deployment", name: str = "web", **spec) -> dict:
    pod = {"containers": [{"name": "c", "image": "registry.example/web:1", "securityContext": SAFE}]} | spec
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}},
    }


def exporter(port: int = 9100) -> dict:
    """node-exporter, as kube-prometheus-stack renders it."""
    container = {"name": "node-exporter", "image": "quay.io/e:1", "ports": [{"containerPort": port}]}
    return workload(
        "DaemonSet",
        "node-exporter",
        hostNetwork=True,
        hostPID=True,
        containers=[container],
        volumes=[{"name": "proc", "hostPath": {"path": "/proc"}}],
    )


def own_operator(*arguments: str) -> dict:
    container = {
        "name": "o",
        "image": "quay.io/prometheus-operator/prometheus-operator:v1",
        "args": [*arguments],
    }
    return workload(name="observability-platform-operator", containers=[container])


def byo(*objects: dict, **more) -> Plan:
    return Plan([*objects], stack=BYO, **more)


def says(result: Result, status: Status, *parts: str) -> None:
    """The result has this status and says all of this; each text is one line, with a hint if it is not ok."""
    assert result.status is status, result
    assert all(part in f"{result.text} | {result.hint}" for part in parts), result
    assert "\n" not in result.text + result.hint
    assert bool(result.hint) == (status is not Status.OK)


def test_a_long_list_is_cut():
    assert listed("edcba") == "a, b, c, d, e"
    assert listed("edcbaf") == "a, b, c, d, e and 1 more"
    assert listed([2, 1, 2], 1) == "1 and 1 more"


OK, WARNING, FAILED = Status.OK, Status.WARNING, Status.FAILED


# --- versions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "status", "said"),
    [
        ("v4.3.1", OK, "4.3.1"),
        ("v3.12.0+g0", OK, "3.12.0"),
        ("v3.11.3", FAILED, "3.12 or newer"),
        ("v2.17.0", FAILED, "3.12 or newer"),
        ("no version", FAILED, "can't be used"),
    ],
)
def test_helm(program, monkeypatch, printed, status, said):
    monkeypatch.setenv("PATH", f"{program('helm', f'echo {printed}')}:/bin:/usr/bin")
    says(versions.helm(), status, said)


def test_no_helm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    says(versions.helm(), WARNING, "not on PATH", "make tools")


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("v1.25.0", OK),
        ("v1.35.4", OK),
        ("v1.33.1-eks-1234567", OK),
        ("v1.24.17", FAILED),
        ("v1.9.0+k3s1", FAILED),
        ("v1.99.0-alpha.1", WARNING),
        ("v2.0.0", WARNING),
    ],
)
def test_the_version_of_kubernetes(api, cluster, version, status):
    api.version["gitVersion"] = version
    says(versions.kubernetes(cluster), status, version)


def test_the_newest_tested_version_is_that_of_the_tests():
    assert versions.minor(kubernetes_versions()[-1]) == versions.NEWEST_TESTED
    assert versions.oldest_kubernetes() == versions.minor(kubernetes_versions()[0])


# --- rights, namespace, release, owners -------------------------------------------------------------------

ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
DNS = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "coredns", "namespace": "kube-system"}}
DEFINITION = {f"probes.{MONITORING}": "0.93.1"}


def test_all_rights(cluster):
    says(access.rights(cluster, Plan([ROLE, DNS, RULE])), OK, "all 5 kinds")


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (r"create rbac.*/clusterroles ", "clusterroles"),
        (r"create /services kube-system", "services in kube-system"),
        (r"create /secrets observability", "secrets in observability"),
        (r"create /namespaces ", "namespaces"),
        (r"create apiext.*/customresourcedefinitions ", "customresourcedefinitions"),
        (r"create monitoring.*/prometheusrules observability", "prometheusrules in observability"),
    ],
)
def test_a_right_is_lacking(api, cluster, lacking, said):
    api.rights = re.compile(f"(?!{lacking}).*")
    says(access.rights(cluster, Plan([ROLE, DNS, RULE], crds=DEFINITION)), FAILED, f"may not create {said}")


def test_no_rights_at_all(api, cluster):
    api.rights, api.forbidden = re.compile("$^"), re.compile("/(namespaces|secrets)")
    says(access.rights(cluster, Plan([ROLE, DNS])), FAILED, "clusterroles", "secrets", "byo-operator")


def test_who_may_not_read_secrets_still_needs_the_right_to_create_definitions(api, cluster):
    """Whether the release is installed is not known then."""
    api.forbidden = re.compile("/secrets")
    api.rights = re.compile(r"(?!.*customresourcedefinitions).*")
    says(access.rights(cluster, Plan([RULE], crds=DEFINITION)), FAILED, "customresourcedefinitions")


def test_rights_that_are_not_needed(api, cluster):
    """The namespace exists, and an upgrade does not create definitions."""
    api.rights = re.compile(r"(?!.*(customresourcedefinitions|namespaces)).*")
    api.add(NAMESPACES, "observability", status={"phase": "Active"})
    revision(api, 1, "deployed")
    says(access.rights(cluster, Plan([RULE], crds=DEFINITION)), OK)


@pytest.mark.parametrize(
    ("phase", "status", "said"),
    [(None, OK, "--create-namespace"), ("Active", OK, "exists"), ("Terminating", FAILED, "being deleted")],
)
def test_the_namespace(api, cluster, phase, status, said):
    if phase:
        api.add(NAMESPACES, "observability", status={"phase": phase})
    says(release.namespace(cluster, Plan([])), status, said)


def revision(
    api, version: int, status: str, name: str = "platform", namespace: str = "observability"
) -> None:
    labels = {"owner": "helm", "name": name, "version": str(version), "status": status}
    api.add(SECRETS, f"sh.helm.release.v1.{name}.v{version}", namespace, labels=labels)


@pytest.mark.parametrize(
    ("newest", "status", "said"),
    [
        ("deployed", OK, "would be upgraded"),
        ("uninstalled", OK, "not installed"),
        ("failed", WARNING, "helm history"),
        ("pending-install", FAILED, "helm uninstall platform --namespace observability"),
        ("pending-upgrade", FAILED, "helm rollback platform --namespace observability"),
        ("pending-rollback", FAILED, "helm rollback"),
        ("uninstalling", FAILED, "helm uninstall"),
    ],
)
def test_the_release(api, cluster, newest, status, said):
    """The newest revision counts, by number: 10 is newer than 9."""
    revision(api, 9, "superseded")
    revision(api, 10, newest)
    says(release.state(cluster, Plan([])), status, said)


def test_another_release_and_another_namespace_do_not_count(api, cluster):
    revision(api, 1, "pending-install", name="other")
    revision(api, 1, "pending-install", namespace="elsewhere")
    says(release.state(cluster, Plan([])), OK, "not installed yet")


def owner(name: str, namespace: str) -> dict:
    return {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}


@pytest.mark.parametrize(
    ("notes", "status", "said"),
    [
        (owner("platform", "observability"), OK, ""),
        (owner("platform", "elsewhere"), FAILED, "release platform in elsewhere"),
        (owner("stack", "observability"), FAILED, "clusterroles/r exist and belong to release stack"),
        ({}, FAILED, "no release"),
    ],
)
def test_the_owners_of_objects(api, cluster, notes, status, said):
    api.add("/apis/rbac.authorization.k8s.io/v1/clusterroles", "r", annotations=notes)
    says(release.owners(cluster, Plan([ROLE, DNS])), status, said)


def test_objects_of_that_name_elsewhere_and_hooks_are_not_in_the_way(api, cluster):
    hook = ROLE | {"metadata": {"name": "h", "annotations": {"helm.sh/hook": "pre-install"}}}
    api.add("/apis/rbac.authorization.k8s.io/v1/clusterroles", "h")
    api.add(SERVICES, "coredns", "observability")
    says(release.owners(cluster, Plan([hook, DNS])), OK)


# --- definitions ------------------------------------------------------------------------------------------


def without_operator(api) -> None:
    for group in ("v1", "v1alpha1"):
        del api.discovery[f"/apis/{MONITORING}/{group}"]
    api.objects[DEFINITIONS] = []


def test_definitions_that_are_there(cluster):
    says(crds.definitions(cluster, byo(RULE, MONITOR)), OK, "all fields")


def test_definitions_that_are_missing(api, cluster):
    without_operator(api)
    says(crds.definitions(cluster, byo(RULE)), FAILED, "has no PrometheusRule", "helm show crds . | kubectl")


def test_definitions_that_the_install_brings(api, cluster):
    without_operator(api)
    says(crds.definitions(cluster, Plan([RULE], crds=DEFINITION)), OK, "brings 1 definitions")


def test_an_upgrade_brings_no_definitions(api, cluster):
    without_operator(api)
    revision(api, 1, "deployed")
    says(crds.definitions(cluster, Plan([RULE], crds=DEFINITION)), FAILED, "an upgrade brings none")


def test_a_kind_of_another_project(api, cluster):
    del api.discovery["/apis/gateway.networking.k8s.io/v1"]
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}}
    says(crds.definitions(cluster, byo(route)), FAILED, "HTTPRoute (gateway.networking.k8s.io/v1)", "project")


@pytest.mark.parametrize(("version", "status"), [("0.80.1", WARNING), ("0.93.1", OK), ("0.100.0", OK)])
def test_the_age_of_definitions(api, cluster, version, status):
    for each in api.objects[DEFINITIONS]:
        each["metadata"]["annotations"] = {"operator.prometheus.io/version": version}
    result = crds.definitions(cluster, Plan([RULE], crds=DEFINITION))
    says(result, status, "probes (0.80.1, not 0.93.1)" if status is WARNING else "")


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"groups": [], "news": 1}, "PrometheusRule.spec.news"),
        (
            {"groups": [{"name": "g", "query_offset": "1m", "new_offset": "1m"}]},
            "PrometheusRule.spec.groups.new_o",
        ),
        (
            {"groups": [{"rules": [{"keep_firing_until": "1m"}]}]},
            "PrometheusRule.spec.groups.rules.keep_firing_",
        ),
    ],
)
def test_a_field_that_the_definition_lacks(cluster, spec, path):
    says(
        crds.definitions(cluster, byo(RULE | {"spec": spec})), FAILED, f"do not know {path}", "--server-side"
    )


# --- the operator and its servers -------------------------------------------------------------------------

OPERATOR = "prometheus-operator"


def operator_with(api, *arguments: str) -> None:
    found = next(each for each in api.objects[DEPLOYMENTS] if each["metadata"]["name"] == OPERATOR)
    found["spec"]["template"]["spec"]["containers"][0]["args"] = [*arguments]


def test_the_clusters_operator_is_used(cluster):
    says(operator.operators(cluster, byo(RULE)), OK, "monitoring/prometheus-operator watches observability")


@pytest.mark.parametrize(
    "arguments", [("--namespaces=shop,web",), ("--namespaces", "shop"), ("--deny-namespaces=observability",)]
)
def test_the_clusters_operator_does_not_watch_the_namespace(api, cluster, arguments):
    operator_with(api, *arguments)
    says(operator.operators(cluster, byo(RULE)), FAILED, "no prometheus-operator watches observability")


def test_no_operator(api, cluster):
    api.remove(DEPLOYMENTS)
    says(operator.operators(cluster, byo(RULE)), FAILED, "no prometheus-operator", "enabled: true")
    says(operator.operators(cluster, Plan([own_operator()])), OK)


def test_a_second_operator(cluster):
    plan = Plan([own_operator()])
    says(operator.operators(cluster, plan), FAILED, "monitoring/prometheus-operator", "byo-operator")


def test_a_second_operator_with_another_image(api, cluster):
    deployment = workload(containers=[{"name": "o", "image": "registry.example@sha256:0"}])["spec"]
    api.remove(DEPLOYMENTS)
    api.add(DEPLOYMENTS, "o", "x", labels={"app.kubernetes.io/name": OPERATOR}, spec=deployment)
    says(operator.operators(cluster, Plan([own_operator()])), FAILED, "x/o")


def test_our_operator_would_watch_the_others_namespace(api, cluster):
    operator_with(api, "--namespaces=shop")
    says(operator.operators(cluster, Plan([own_operator()])), FAILED, "would also watch monitoring")
    says(operator.operators(cluster, Plan([own_operator("--namespaces=observability")])), OK)


def test_an_upgrade_does_not_count_its_own_operator(api, cluster):
    api.remove(DEPLOYMENTS)
    ours = own_operator()
    api.add(DEPLOYMENTS, ours["metadata"]["name"], "observability", spec=ours["spec"])
    says(operator.operators(cluster, Plan([ours])), OK)


def labelled(each: dict, **labels: str) -> dict:
    return each | {"metadata": {"name": "platform", "labels": labels}}


def test_objects_that_are_selected(cluster):
    says(
        operator.selectors(cluster, byo(RULE, MONITOR)),
        OK,
        "monitoring/main selects our PrometheusRule, Serv",
    )


def test_objects_that_are_not_selected(cluster):
    result = operator.selectors(cluster, byo(RULE, labelled(MONITOR, release="monitoring")))
    says(result, FAILED, "selects our ServiceMonitor", "release=byo", "global.monitoring.labels")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ruleSelector": None}, "ruleSelector is not set"),
        ({"ruleNamespaceSelector": None}, "the namespace monitoring"),
        ({"ruleNamespaceSelector": {"matchLabels": {"team": "a"}}}, "a namespace with the labels team=a"),
        (
            {"ruleSelector": {"matchExpressions": [{"key": "r", "operator": "In", "values": ["x"]}]}},
            "r in (x)",
        ),
        ({"ruleSelector": {}}, ""),
        ({"ruleNamespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}, ""),
    ],
)
def test_selectors_of_another_prometheus(api, cluster, change, said):
    api.objects[PROMETHEUSES][0]["spec"].update(change)
    says(operator.selectors(cluster, byo(RULE)), FAILED if said else OK, said)


def test_labels_of_the_namespace_count(api, cluster):
    api.objects[PROMETHEUSES][0]["spec"]["ruleNamespaceSelector"] = {"matchLabels": {"team": "a"}}
    api.add(NAMESPACES, "observability", labels={"team": "a"})
    says(operator.selectors(cluster, byo(RULE)), OK)


def test_an_alertmanager_config_is_selected_by_an_alertmanager(cluster):
    config = RULE | {"kind": "AlertmanagerConfig", "apiVersion": f"{MONITORING}/v1alpha1", "spec": {}}
    says(operator.selectors(cluster, byo(config)), OK, "Alertmanager monitoring/main")
    says(
        operator.selectors(cluster, byo(labelled(config, a="b"))), FAILED, "AlertmanagerConfig", "release=byo"
    )


def test_an_agent_selects_monitors_but_evaluates_no_rules(api, cluster):
    (server,) = api.objects[PROMETHEUSES]
    api.remove(PROMETHEUSES)
    api.add(f"/apis/{MONITORING}/v1alpha1/prometheusagents", "agent", "monitoring", spec=server["spec"])
    says(operator.selectors(cluster, byo(MONITOR)), OK, "PrometheusAgent monitoring/agent")
    says(operator.selectors(cluster, byo(MONITOR, RULE)), FAILED, "selects our PrometheusRule")


def test_no_prometheus(api, cluster):
    api.remove(PROMETHEUSES)
    says(operator.selectors(cluster, byo(RULE)), FAILED, "no Prometheus object")


def test_another_prometheus_beside_ours(cluster):
    own = RULE | {"kind": "Prometheus", "metadata": {"name": "own"}, "spec": {}}
    says(
        operator.selectors(cluster, Plan([own, RULE])), WARNING, "monitoring/main would also select", "twice"
    )
    says(operator.selectors(cluster, Plan([own, labelled(RULE, release="platform")])), OK)


def test_the_kubelet_service_of_the_clusters_operator(cluster):
    says(operator.kubelet_service(cluster, byo(RULE)), OK)


def test_a_stale_kubelet_service(api, cluster):
    api.add(SERVICES, "old-kubelet", "kube-system", labels={"k8s-app": "kubelet"})
    result = operator.kubelet_service(cluster, byo(RULE))
    says(result, WARNING, "kubectl delete service --namespace kube-system old-kubelet")
    ours = Plan([own_operator("--kubelet-service=kube-system/old-kubelet")])
    says(operator.kubelet_service(cluster, ours), OK)


# --- webhooks ---------------------------------------------------------------------------------------------


def webhook(api, *, service: str = "gone", policy: str = "Fail", **more) -> None:
    rule = {"operations": ["CREATE"], "apiGroups": [MONITORING], "resources": ["prometheusrules"]}
    client = {"service": {"namespace": "monitoring", "name": service}}
    entry = {"name": "w", "clientConfig": client, "failurePolicy": policy, "rules": [rule]} | more
    api.add(WEBHOOKS, "old-admission", webhooks=[entry])


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({}, FAILED, "no Service monitoring/gone"),
        ({"service": "kube-state-metrics"}, OK, ""),
        ({"policy": "Ignore"}, WARNING, "kubectl delete validatingwebhookconfigurations old-admission"),
        ({"clientConfig": {"url": "https://admission.example"}}, OK, ""),
        ({"namespaceSelector": {"matchLabels": {"team": "a"}}}, OK, ""),
        (
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}},
            FAILED,
            "",
        ),
        ({"rules": [{"operations": ["*"], "apiGroups": ["*"], "resources": ["*/*"]}]}, FAILED, ""),
        ({"rules": [{"operations": ["DELETE"], "apiGroups": ["*"], "resources": ["*"]}]}, OK, ""),
        ({"rules": [{"operations": ["CREATE"], "apiGroups": ["apps"], "resources": ["*"]}]}, OK, ""),
    ],
)
def test_webhooks(api, cluster, change, status, said):
    webhook(api, **change)
    says(webhooks.unanswered(cluster, byo(RULE)), status, said)


def test_a_webhook_whose_pods_are_not_ready(api, cluster):
    webhook(api, service="kube-state-metrics")
    for each in api.objects["/apis/discovery.k8s.io/v1/endpointslices"]:
        each["endpoints"] = [{"conditions": {"ready": False}}]
    says(webhooks.unanswered(cluster, byo(RULE)), FAILED, "monitoring/kube-state-metrics has no ready pod")


def test_our_own_webhook_does_not_count(api, cluster):
    webhook(api)
    own = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    own["metadata"] = {"name": "old-admission"}
    says(webhooks.unanswered(cluster, Plan([own, RULE])), OK)


# --- Secrets and ConfigMaps -------------------------------------------------------------------------------

TOKENS = {"name": "tokens", "secret": {"secretName": "tokens", "items": [{"key": "tokens", "path": "t"}]}}
RECEIVER = {
    "apiVersion": f"{MONITORING}/v1alpha1",
    "kind": "AlertmanagerConfig",
    "metadata": {"name": "p"},
    "spec": {"receivers": [{"webhookConfigs": [{"urlSecret": {"name": "hook", "key": "url"}}]}]},
}


def container(**more) -> dict:
    return workload(containers=[{"name": "c", "image": "registry.example/web:1", **more}])


@pytest.fixture
def namespace_exists(api) -> None:
    api.add(NAMESPACES, "observability", status={"phase": "Active"})


@pytest.mark.parametrize(
    ("each", "text", "hint"),
    [
        (
            workload(volumes=[TOKENS]),
            "there is no Secret tokens in observability with the key tokens: needed by Deployment web",
            "kubectl --namespace observability create secret generic tokens --from-literal=tokens=...",
        ),
        (
            RECEIVER,
            "there is no Secret hook in observability with the key url: needed by AlertmanagerConfig p",
            "kubectl --namespace observability create secret generic hook --from-literal=url=...",
        ),
        (
            container(envFrom=[{"secretRef": {"name": "s3"}}]),
            "there is no Secret s3 in observability: needed by Deployment web",
            "kubectl --namespace observability create secret generic s3 --from-env-file=...",
        ),
        (
            container(envFrom=[{"configMapRef": {"name": "flags"}}]),
            "there is no ConfigMap flags in observability: needed by Deployment web",
            "kubectl --namespace observability create configmap flags --from-env-file=...",
        ),
    ],
)
def test_a_secret_that_is_missing(cluster, namespace_exists, each, text, hint):
    assert secrets.exist(cluster, Plan([each])) == [Result(FAILED, text, hint)]


def test_each_missing_secret_is_a_result_and_the_namespace_is_created_once(cluster):
    results = secrets.exist(cluster, Plan([RECEIVER, workload(volumes=[TOKENS])], namespace="shop"))
    assert [each.hint.partition(" create secret")[0] for each in results] == [
        "kubectl create namespace shop && kubectl --namespace shop",
        "kubectl --namespace shop",
    ]


def test_a_secret_that_lacks_a_key(api, cluster):
    api.add(SECRETS, "hook", "observability", data={"uri": "c2VjcmV0"})
    (result,) = secrets.exist(cluster, Plan([RECEIVER]))
    says(result, FAILED, "Secret hook in observability lacks the key url", "AlertmanagerConfig p")
    assert result.hint == (
        """kubectl --namespace observability patch secret hook --patch '{"stringData": {"url": "..."}}'"""
    )
    assert "c2VjcmV0" not in f"{result}"
    api.add(SECRETS, "hook", "observability")
    says(*secrets.exist(cluster, Plan([RECEIVER])), FAILED, "lacks the key url")


def test_secrets_that_are_there(api, cluster):
    api.add(SECRETS, "hook", "observability", data={"url": "aHR0cHM6Ly8="})
    api.add(CONFIG_MAPS, "ca", "observability", binaryData={"ca.crt": "AA=="})
    trusting = workload(volumes=[{"name": "v", "configMap": {"name": "ca", "items": [{"key": "ca.crt"}]}}])
    says(secrets.exist(cluster, Plan([RECEIVER, trusting])), OK, "ConfigMap ca", "Secret hook")
    says(secrets.exist(cluster, Plan([workload()])), OK, "the release brings all")


def test_a_secret_of_another_namespace_does_not_count(api, cluster, namespace_exists):
    api.add(SECRETS, "hook", "monitoring", data={"url": "aHR0cHM6Ly8="})
    says(*secrets.exist(cluster, Plan([RECEIVER])), FAILED, "no Secret hook in observability")
    elsewhere = RECEIVER | {"metadata": {"name": "p", "namespace": "monitoring"}}
    says(secrets.exist(cluster, Plan([elsewhere])), OK)


def test_a_secret_without_which_the_release_works(cluster, namespace_exists):
    test = workload(volumes=[TOKENS]) | {
        "kind": "Pod",
        "metadata": {"name": "t", "annotations": {"helm.sh/hook": "test"}},
        "spec": {"volumes": [TOKENS]},
    }
    says(*secrets.exist(cluster, Plan([test])), WARNING, "needed by Pod t")
    both = Plan([test, workload(volumes=[TOKENS])])
    says(*secrets.exist(cluster, both), FAILED, "needed by Deployment web, Pod t")
    ingress = {"kind": "Ingress", "metadata": {"name": "i"}, "spec": {"tls": [{"secretName": "api-tls"}]}}
    says(*secrets.exist(cluster, Plan([ingress])), WARNING, "create secret tls api-tls --cert=... --key=...")


def test_secrets_that_may_not_be_read(api, cluster, namespace_exists):
    """Those that may be read are checked all the same."""
    plan = Plan([RECEIVER, workload(volumes=[TOKENS])])
    api.forbidden = re.compile("/secrets/hook$")
    missing, unread = secrets.exist(cluster, plan)
    says(missing, FAILED, "no Secret tokens")
    says(unread, WARNING, "not checked: you may not read Secret hook in observability")
    api.forbidden = re.compile("/(secrets|namespaces)/")
    says(*secrets.exist(cluster, plan), WARNING, "Secret hook in observability, Secret tokens in observ")


# --- pods: security, volumes, ports, images ---------------------------------------------------------------


def enforce(api, level: str, namespace: str = "observability") -> None:
    api.add(NAMESPACES, namespace, labels={"pod-security.kubernetes.io/enforce": level})


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_node_exporter_in_a_namespace_that_enforces_a_standard(api, cluster, level):
    enforce(api, level)
    result = pods.security(cluster, Plan([exporter(), workload()]))
    says(
        result,
        FAILED,
        f"observability enforces {level}",
        "DaemonSet node-exporter",
        "nodeExporter.enabled: fals",
    )
    assert "Deployment" not in result.text


def test_node_exporter_is_named_in_the_hint_whatever_else_is_rejected(api, cluster):
    enforce(api, "restricted")
    careless = workload(name="careless", hostNetwork=True)
    says(
        pods.security(cluster, Plan([careless, exporter()])),
        FAILED,
        "nodeExporter.enabled: false",
        "careless",
    )
    says(pods.security(cluster, Plan([careless])), FAILED, "correct the values")


@pytest.mark.parametrize("level", [None, "privileged"])
def test_a_namespace_that_enforces_nothing(api, cluster, level):
    if level:
        enforce(api, level)
    says(pods.security(cluster, Plan([exporter()])), OK, "privileged")


def test_pods_of_an_operator_and_of_another_namespace(api, cluster):
    enforce(api, "restricted")
    enforce(api, "baseline", "grafana")
    other = workload(name="grafana", hostNetwork=True)
    other["metadata"]["namespace"] = "grafana"
    server = {"apiVersion": f"{MONITORING}/v1", "kind": "Prometheus", "metadata": {"name": "p"}, "spec": {}}
    result = pods.security(cluster, Plan([server, other]))
    says(result, FAILED, "Deployment grafana (hostNetwork)", "Prometheus p (runAsNonRoot is not true")
    server["spec"] = {"securityContext": SAFE, "containers": [{"name": "prometheus", "args": []}]}
    says(pods.security(cluster, Plan([server])), OK)


def claim(storage_class: str | None, **more) -> dict:
    spec = more | ({} if storage_class is None else {"storageClassName": storage_class})
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}


@pytest.mark.parametrize(
    ("storage_class", "status", "said"),
    [(None, OK, "local-path"), ("local-path", OK, ""), ("", OK, ""), ("gp3", FAILED, "no StorageClass gp3")],
)
def test_storage(cluster, storage_class, status, said):
    says(pods.storage(cluster, Plan([claim(storage_class)])), status, said)


def server_with(storage_class: str | None) -> dict:
    template = {"spec": claim(storage_class)["spec"]}
    return {
        "kind": "Prometheus",
        "metadata": {"name": "p"},
        "spec": {"storage": {"volumeClaimTemplate": template}},
    }


@pytest.mark.parametrize(
    "each",
    [
        claim(None),
        server_with(None),
        {"kind": "StatefulSet", "metadata": {"name": "s"}, "spec": {"volumeClaimTemplates": [claim(None)]}},
    ],
    ids=lambda each: each["kind"],
)
def test_no_default_storage_class(api, cluster, each):
    api.objects[CLASSES][0]["metadata"]["annotations"] = {}
    says(
        pods.storage(cluster, Plan([each])),
        FAILED,
        each["kind"],
        "the cluster has local-path",
        "is-default-class",
    )
    api.remove(CLASSES)
    says(pods.storage(cluster, Plan([each])), FAILED, "the cluster has none")


def test_claims_that_need_no_default_storage_class(api, cluster):
    api.objects[CLASSES][0]["metadata"]["annotations"] = {}
    objects = [claim("local-path"), server_with(""), claim(None, volumeName="by-hand"), workload()]
    says(pods.storage(cluster, Plan(objects)), OK)
    says(pods.storage(cluster, Plan([])), OK, "no claim")


def test_the_port_of_another_node_exporter(api, cluster):
    says(
        pods.host_ports(cluster, Plan([exporter()])), FAILED, "9100 by monitoring/node-exporter", "targetPort"
    )
    says(pods.host_ports(cluster, Plan([exporter(9101)])), OK, "9101")
    says(pods.host_ports(cluster, Plan([workload()])), OK, "no port")


@pytest.mark.parametrize(
    "spec",
    [
        {"hostNetwork": True, "containers": [{"ports": [{"containerPort": 9200, "protocol": "TCP"}]}]},
        {"containers": [{"ports": [{"containerPort": 80, "hostPort": 9200}]}]},
    ],
)
def test_a_port_of_the_node_is_taken_in_both_ways(api, cluster, spec):
    api.add(PODS, "p", "web", spec=spec, status={"phase": "Running"})
    says(pods.host_ports(cluster, Plan([exporter(9200)])), FAILED, "9200 by web/p")
    api.add(PODS, "p", "web", spec=spec, status={"phase": "Succeeded"})
    says(pods.host_ports(cluster, Plan([exporter(9200)])), OK)


def test_an_upgrade_does_not_count_its_own_node_exporter(api, cluster):
    spec = exporter(9200)["spec"]["template"]["spec"]
    owners = [{"kind": "DaemonSet", "name": "node-exporter"}]
    api.add(PODS, "p", "observability", spec=spec, status={"phase": "Running"}, ownerReferences=owners)
    says(pods.host_ports(cluster, Plan([exporter(9200)])), OK)


IMAGE = "observability-platform/storage-api:0.1.0"


def with_image(image: str, **spec) -> dict:
    return workload(containers=[{"name": "c", "image": image}], **spec)


@pytest.mark.parametrize("image", ["registry.example/web:1", "localhost:5000/web", "quay.io/a/b@sha256:0"])
def test_images_with_a_registry(cluster, image):
    says(pods.images(cluster, Plan([with_image(image)])), OK)


def test_an_image_without_a_registry(api, cluster):
    api.objects[NODES][0]["status"]["images"] = []
    says(pods.images(cluster, Plan([with_image(IMAGE)])), WARNING, IMAGE, "storage-api.image")
    api.objects[NODES][0]["status"]["images"] = [{"names": [f"docker.io/{IMAGE}"]}]
    says(pods.images(cluster, Plan([with_image(IMAGE)])), OK)
    api.add(NODES, "second", status={"images": []})
    says(pods.images(cluster, Plan([with_image(IMAGE)])), WARNING, IMAGE)


def test_secrets_of_a_private_registry(api, cluster):
    pod = with_image("r.example/web", imagePullSecrets=[{"name": "pull"}], serviceAccountName="sa")
    account = {"kind": "ServiceAccount", "metadata": {"name": "sa"}, "imagePullSecrets": [{"name": "pull2"}]}
    plan = Plan([pod, account])
    says(pods.images(cluster, plan), WARNING, "observability/pull, observability/pull2", "docker-registry")
    api.add(SECRETS, "pull", "observability")
    rendered = {"kind": "Secret", "metadata": {"name": "pull2"}}
    says(pods.images(cluster, Plan([pod, account, rendered])), OK)


# --- nodes and control plane ------------------------------------------------------------------------------


def node(api, name: str, architecture: str, system: str = "linux", **more) -> None:
    info = {"architecture": architecture, "operatingSystem": system}
    api.add(NODES, name, status={"nodeInfo": info}, **more)


def test_architectures(api, cluster):
    plan = Plan([workload(name="web")])
    says(nodes.architectures(cluster, plan), OK, "amd64")
    node(api, "a", "arm64")
    node(api, "w", "s390x", "windows")
    says(nodes.architectures(cluster, plan), OK, "amd64, arm64")
    node(api, "b", "s390x")
    says(nodes.architectures(cluster, plan), WARNING, "s390x", "nodeSelector", "Deployment web")
    kept_off = workload(nodeSelector={"kubernetes.io/arch": "amd64"})
    says(nodes.architectures(cluster, Plan([kept_off])), OK)


def test_no_node_can_run_the_images(api, cluster):
    api.remove(NODES)
    says(nodes.architectures(cluster, Plan([])), FAILED, "no nodes")
    node(api, "b", "ppc64le")
    says(nodes.architectures(cluster, Plan([])), FAILED, "ppc64le", "amd64 and arm64")


def part(name: str, **selector: str) -> dict:
    meta = {"name": f"observability-platform-{name}", "namespace": "kube-system"}
    return {"kind": "Service", "metadata": meta, "spec": {"selector": selector}}


SCHEDULER = part("kube-scheduler", component="kube-scheduler")
PROXY = part("kube-proxy", **{"k8s-app": "kube-proxy"})


def running(api, name: str, *command: str, **labels: str) -> None:
    api.add(PODS, name, "kube-system", labels=labels, spec={"containers": [{"command": [*command]}]})


def test_nothing_of_the_control_plane_is_scraped(cluster):
    says(nodes.control_plane(cluster, Plan([part("coredns")])), OK, "no part")


def test_parts_of_the_control_plane_that_do_not_run_as_pods(cluster):
    result = nodes.control_plane(cluster, Plan([SCHEDULER, PROXY]))
    says(result, WARNING, "kube-scheduler (no such pod)", "kubeProxy.enabled: false", "ci/kind-values.yaml")


@pytest.mark.parametrize(
    ("argument", "status"),
    [
        ("--bind-address=127.0.0.1", WARNING),
        ("--bind-address=0.0.0.0", OK),
        ("--listen-metrics-urls=http://127.0.0.1:2381", WARNING),
        ("--listen-metrics-urls=http://127.0.0.1:2381,http://10.0.0.1:2381", OK),
    ],
)
def test_a_part_that_listens_on_the_loopback_address(api, cluster, argument, status):
    running(api, "kube-scheduler-a", "kube-scheduler", argument, component="kube-scheduler")
    says(
        nodes.control_plane(cluster, Plan([SCHEDULER])),
        status,
        "" if status is OK else "listens on 127.0.0.1",
    )


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('metricsBindAddress: ""', WARNING),
        ("mode: iptables", WARNING),
        ("metricsBindAddress: 127.0.0.1:10249", WARNING),
        ("metricsBindAddress: 0.0.0.0:10249", OK),
        (None, OK),
    ],
)
def test_the_address_of_kube_proxy_is_in_its_configuration(api, cluster, text, status):
    running(api, "kube-proxy-a", "kube-proxy", **{"k8s-app": "kube-proxy"})
    if text:
        api.add("/api/v1/configmaps", "kube-proxy", "kube-system", data={"config.conf": f"kind: K\n{text}\n"})
    says(nodes.control_plane(cluster, Plan([PROXY])), status, "" if status is OK else "listens on 127.0.0.1")


@pytest.mark.parametrize(
    ("version", "label", "said"),
    [
        ("v1.33.1-eks-1234567", "x", ("EKS hides it", "use ci/eks-values.yaml")),
        ("v1.33.1", "eks.amazonaws.com/nodegroup", ("EKS hides it",)),
        ("v1.33.1-gke.100", "x", ("GKE hides it", "use ci/gke-values.yaml")),
        ("v1.33.1", "cloud.google.com/gke-nodepool", ("GKE hides it",)),
        ("v1.33.1", "kubernetes.azure.com/cluster", ("AKS hides it", "use ci/aks-values.yaml")),
        ("v1.33.1+k3s1", "x", ("no such pod", "use ci/kind-values.yaml")),
        ("v1.33.1", "minikube.k8s.io/name", ("no such pod", "use ci/kind-values.yaml")),
    ],
)
def test_a_managed_control_plane(api, cluster, version, label, said):
    api.version["gitVersion"] = version
    node(api, "n", "amd64", labels={label: "x"})
    says(nodes.control_plane(cluster, Plan([SCHEDULER])), WARNING, *said, "kubeScheduler.enabled: false")


def test_addresses_in_the_values_are_believed(cluster):
    says(nodes.control_plane(cluster, Plan([part("kube-etcd")])), OK, "kube-etcd")
