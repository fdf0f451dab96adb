"""Known pitfalls of kube-prometheus-stack and Helm that the chart avoids.

If the dependency's package is in charts/, its objects are checked; otherwise the values that it would get.
"""

import base64
import gzip
import json
import re
import subprocess
from collections import Counter

import pytest
import yaml

from lab import ROOT, toolchain
from lab.render import helm
from lab.render.chart import RenderError, load_yaml, render_chart
from lab.render.stack import Stack
from lab.servers import alertmanager
from tests.support.chart.notes import notes

STACK = "kube-prometheus-stack"
PRESETS = [None, *sorted((ROOT / "ci").glob("*-values.yaml"))]
MANAGED = ["eks", "gke", "aks"]
PREFIX = "observability-platform"


def preset_id(path):
    return path.name.removesuffix("-values.yaml") if path else "default"


@pytest.fixture(params=PRESETS, ids=preset_id)
def preset(request, rendered):
    return rendered(value_files=[str(request.param)] if request.param else [])


def the(render, kind, name=None):
    (found,) = render.find(kind, name)
    return found


def of_stack(render):
    return render.values[STACK]


def data(secret):
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["platform", "x", "kube-prometheus-stack", "r" * 53])
def test_names_of_the_stack_do_not_depend_on_the_release(rendered, release):
    render = rendered(release=release)
    values = of_stack(render)
    assert len(values["fullnameOverride"]) <= 26
    assert values["grafana"]["fullnameOverride"] == f"{PREFIX}-grafana"
    if not render.stand_in:
        services = {o["metadata"]["name"] for o in render.find("Service")}
        assert {f"{PREFIX}-{part}" for part in ("prometheus", "alertmanager", "grafana")} <= services


def test_no_dependency_has_an_alias_or_imported_values():
    """An alias would rename all its objects, with no way back; imported values ignore --set."""
    for dependency in load_yaml((ROOT / "Chart.yaml").read_text())["dependencies"]:
        assert not {"alias", "import-values"} & dependency.keys()


# --- discovery ------------------------------------------------------------------------------------


def test_no_template_depends_on_the_api_versions_of_the_cluster():
    """A first install would silently lack a ServiceMonitor that depends on .Capabilities.APIVersions."""
    for folder in (ROOT / "templates", ROOT / "charts/storage-api/templates"):
        for path in (p for p in folder.rglob("*") if p.is_file()):
            assert "APIVersions" not in path.read_text(), path


# --- dashboards -----------------------------------------------------------------------------------


def test_every_dashboard_has_a_grafana_folder(default):
    sidecar = of_stack(default)["grafana"]["sidecar"]["dashboards"]
    assert sidecar["provider"]["foldersFromFilesStructure"] is True
    annotation = sidecar["folderAnnotation"]
    assert sidecar["annotations"][annotation]
    for o in default.find("ConfigMap"):
        if "grafana_dashboard" in o["metadata"].get("labels", {}):
            assert o["metadata"]["annotations"][annotation], o["metadata"]["name"]


def test_the_sidecar_finds_our_dashboards(default):
    if default.stand_in:  # the dependency's defaults must apply
        assert not {"label", "labelValue", "searchNamespace"} & of_stack(default)["grafana"]["sidecar"].keys()
        return
    deployment = the(default, "Deployment", f"{PREFIX}-grafana")
    containers = deployment["spec"]["template"]["spec"]["containers"]
    (sidecar,) = [c for c in containers if c["name"].endswith("sc-dashboard")]
    environment = {each["name"]: each.get("value") for each in sidecar["env"]}
    assert (environment["LABEL"], environment["LABEL_VALUE"]) == ("grafana_dashboard", "1")
    assert environment["NAMESPACE"] == "ALL"
    assert environment["FOLDER_ANNOTATION"] == "grafana_folder"


def test_dashboards_are_not_rendered_as_templates(default):
    """Legends such as {{pod}} are rendered as they are written."""
    written = "".join(path.read_text() for path in (ROOT / "dashboards").glob("*.json"))
    arrived = "".join(
        text for o in default.ours if o["kind"] == "ConfigMap" for text in map(str, o["data"].values())
    )
    legends = Counter(re.findall(r"\{\{[^}]*\}\}", written))
    assert legends
    assert legends == Counter(re.findall(r"\{\{[^}]*\}\}", arrived))


# --- datasources ----------------------------------------------------------------------------------


def test_the_only_default_datasource_has_the_longest_scrape_interval(default):
    grafana = of_stack(default)["grafana"]
    if default.stand_in:  # the dependency's defaults must apply
        assert not {"isDefaultDatasource", "uid"} & grafana["sidecar"]["datasources"].keys()
        assert grafana["sidecar"]["datasources"]["defaultDatasourceScrapeInterval"] == "30s"
        assert grafana["additionalDataSources"] == []
        return
    text = the(default, "ConfigMap", f"{PREFIX}-grafana-datasource")["data"]["datasource.yaml"]
    datasources = yaml.safe_load(text)["datasources"]
    (prometheus,) = [each for each in datasources if each.get("isDefault")]
    assert (prometheus["uid"], prometheus["jsonData"]["timeInterval"]) == ("prometheus", "30s")


def test_a_second_default_datasource_is_refused():
    extra = {"name": "Other", "type": "prometheus", "uid": "other", "isDefault": True}
    with pytest.raises(RenderError, match="additionalDataSources: Other is a second default"):
        render_chart({STACK: {"grafana": {"additionalDataSources": [extra]}}})


def test_a_scrape_interval_longer_than_the_datasources_is_refused():
    grafana = {"sidecar": {"datasources": {"defaultDatasourceScrapeInterval": "1m"}}}
    with pytest.raises(RenderError, match=r"serviceMonitor\.interval: 1m1s is longer than .* \(1m\),"):
        render_chart(
            {"storage-api": {"serviceMonitor": {"interval": "1m1s"}}, STACK: {"grafana": grafana}},
        )
    with pytest.raises(RenderError, match=r"prometheusSpec\.scrapeInterval: 90s is longer than .* \(1m\),"):
        prometheus = {"prometheusSpec": {"scrapeInterval": "90s"}}
        render_chart({STACK: {"grafana": grafana, "prometheus": prometheus}})


@pytest.mark.parametrize(
    ("dashboards", "message"),
    [
        ({"labels": {"grafana_dashboard": "2"}}, 'dashboards.labels: grafana_dashboard must be "1"'),
        ({"folderAnnotation": "folder"}, "dashboards.folderAnnotation: must be grafana_folder"),
    ],
)
def test_dashboards_that_the_sidecar_would_not_find_are_refused(dashboards, message):
    with pytest.raises(RenderError) as refused:
        render_chart({"dashboards": dashboards})
    assert message in str(refused.value)


# --- Alertmanager ---------------------------------------------------------------------------------


def test_alertmanager_accepts_its_configuration(preset, tmp_path):
    """Checks the rendered Secret, or the default configuration with our values if the package is missing."""
    if not of_stack(preset)["enabled"]:
        return
    if preset.stand_in:
        text = yaml.safe_dump(alertmanager.configuration(Stack.of(preset), tmp_path).main)
    else:
        text = data(the(preset, "Secret", f"alertmanager-{PREFIX}-alertmanager"))["alertmanager.yaml"]
    (tmp_path / "alertmanager.yaml").write_text(text)
    command = [toolchain.amtool(), "check-config", tmp_path / "alertmanager.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("config", "missing"),
    [
        ({"receivers": [{"name": "mail"}]}, "null"),
        ({"receivers": [{"name": "null"}], "route": {"receiver": "mail"}}, "mail"),
        (
            {
                "receivers": [{"name": "null"}],
                "route": {
                    "receiver": "null",
                    "routes": [{"receiver": "null", "routes": [{"receiver": "x"}]}],
                },
            },
            "x",
        ),
    ],
)
def test_a_route_of_the_stack_to_a_missing_receiver_is_refused(config, missing):
    with pytest.raises(RenderError, match=rf"alertmanager\.config\.receivers: {missing} is missing"):
        render_chart({STACK: {"alertmanager": {"config": config}}})


def test_alerts_without_a_namespace_reach_our_routes(default):
    """The operator's default, OnNamespace, would drop alerts that are aggregated over namespaces."""
    strategy = {"type": "OnNamespaceExceptForAlertmanagerNamespace"}
    specification = of_stack(default)["alertmanager"]["alertmanagerSpec"]
    assert specification["alertmanagerConfigMatcherStrategy"] == strategy
    if not default.stand_in:
        assert the(default, "Alertmanager")["spec"]["alertmanagerConfigMatcherStrategy"] == strategy
        assert the(default, "Alertmanager")["spec"]["alertmanagerConfigSelector"] == {}


# --- Prometheus -----------------------------------------------------------------------------------


def test_bucket_bounds_are_written_as_prometheus_3_stores_them(default):
    """`le="1"` matches nothing: it is stored as `le="1.0"`."""
    ours = json.dumps([o for o in default.ours if o["kind"] in ("ConfigMap", "PrometheusRule")])
    assert not re.search(r'\ble=~?\\*"\d+\\*"', ours.replace('\\"', '"'))


# --- the operator's webhook -----------------------------------------------------------------------


def test_two_issuers_of_the_webhook_certificate_are_refused():
    webhooks = {"certManager": {"enabled": True}}
    with pytest.raises(RenderError, match=r"admissionWebhooks\.patch\.enabled: .* set one of the two"):
        render_chart({STACK: {"prometheusOperator": {"admissionWebhooks": webhooks}}})
    webhooks["patch"] = {"enabled": False}
    render_chart({STACK: {"prometheusOperator": {"admissionWebhooks": webhooks}}})


# --- Grafana's state ------------------------------------------------------------------------------


def test_grafana_reads_its_password_from_a_secret_that_is_kept(default):
    secret = the(default, "Secret", f"{PREFIX}-grafana-admin")
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert data(secret)["admin-user"] == "admin"
    assert re.fullmatch(r"\w{32}", data(secret)["admin-password"])
    template = (ROOT / "templates/grafana-admin-secret.yaml").read_text()
    assert re.search(r"lookup .*\$name", template)  # tests/e2e proves it on a cluster
    assert of_stack(default)["grafana"]["admin"]["existingSecret"] == secret["metadata"]["name"]
    if not default.stand_in:
        others = [o for o in default.find("Secret") if "admin-password" in o.get("data", {})]
        assert others == [secret]
        assert f"{PREFIX}-grafana-admin" in json.dumps(default.find("Deployment", f"{PREFIX}-grafana"))


def test_a_given_password_or_secret_is_used(rendered):
    given = rendered({STACK: {"grafana": {"adminUser": "root", "adminPassword": "a: 'b'"}}})
    assert data(the(given, "Secret", f"{PREFIX}-grafana-admin")) == {
        "admin-user": "root",
        "admin-password": "a: 'b'",
    }
    existing = rendered({STACK: {"grafana": {"admin": {"existingSecret": "mine"}}}})
    assert not [o for o in existing.ours if o["kind"] == "Secret"]


def test_gitops_refuses_a_generated_password(rendered):
    with pytest.raises(RenderError, match=r"grafana\.admin\.existingSecret: with global\.gitops"):
        rendered({"global": {"gitops": True}})
    rendered({"global": {"gitops": True}, STACK: {"grafana": {"admin": {"existingSecret": "mine"}}}})
    rendered({"global": {"gitops": True}, STACK: {"grafana": {"adminPassword": "given"}}})
    rendered({"global": {"gitops": True}, STACK: {"grafana": {"enabled": False}}})
    rendered({"global": {"gitops": True}, STACK: {"enabled": False}})


def test_two_renders_differ_only_in_the_generated_password(monkeypatch):
    """Any other difference would restart pods at every GitOps sync."""
    monkeypatch.setattr(helm, "run", subprocess.run)  # an answer that was kept would prove nothing
    one, other = (
        [o for o in render_chart().objects if o["metadata"]["name"] != f"{PREFIX}-grafana-admin"]
        for _ in range(2)
    )
    assert one == other


def test_grafana_with_a_volume_is_recreated_at_an_update(rendered):
    render = rendered({STACK: {"grafana": {"persistence": {"enabled": True}}}})
    assert of_stack(render)["grafana"]["deploymentStrategy"]["type"] == "Recreate"
    if not render.stand_in:
        assert the(render, "Deployment", f"{PREFIX}-grafana")["spec"]["strategy"] == {"type": "Recreate"}
    rolling = {"persistence": {"enabled": True}, "deploymentStrategy": {"type": "RollingUpdate"}}
    with pytest.raises(RenderError, match=r"grafana\.deploymentStrategy\.type: RollingUpdate never finishes"):
        rendered({STACK: {"grafana": rolling}})


# --- managed control planes -----------------------------------------------------------------------


@pytest.mark.parametrize("cloud", MANAGED)
def test_a_managed_control_plane_is_neither_scraped_nor_alerted_on(rendered, cloud):
    render = rendered(value_files=[str(ROOT / f"ci/{cloud}-values.yaml")])
    for part in ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy"):
        assert of_stack(render)[part]["enabled"] is False
    alerts = {
        rule["alert"]
        for o in render.find("PrometheusRule")
        for group in o["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    never = r"KubeControllerManager|KubeScheduler|KubeProxy|etcd"
    assert not [alert for alert in alerts if re.match(never, alert)]
    monitors = [o["metadata"]["name"] for o in render.find("ServiceMonitor")]
    assert not [name for name in monitors if re.search(r"controller-manager|scheduler|etcd|proxy", name)]


# --- Helm -----------------------------------------------------------------------------------------


def test_an_older_kubernetes_is_refused():
    with pytest.raises(RenderError, match=r"chart requires kubeVersion: >=1\.25\.0-0"):
        render_chart(kubernetes_version="1.24.9")


def test_our_default_values_contain_no_null():
    """Helm ignores null in a chart's own values."""
    for path in (ROOT / "values.yaml", ROOT / "charts/storage-api/values.yaml"):
        assert "null" not in json.dumps(yaml.safe_load(path.read_text()))


def test_without_the_stack_only_our_objects_are_rendered(rendered):
    render = rendered({STACK: {"enabled": False}})
    assert render.objects == render.ours
    assert {"ServiceMonitor", "PrometheusRule"} <= {o["kind"] for o in render.ours}


def images(render):
    for o in render.objects:
        specification = o.get("spec", {})
        pod = specification if o["kind"] == "Pod" else specification.get("template", {}).get("spec", {})
        for container in [*pod.get("containers", ()), *pod.get("initContainers", ())]:
            yield container["image"]
        if o["kind"] in ("Prometheus", "Alertmanager"):
            yield specification["image"]


def test_the_global_registry_applies_to_every_image(rendered):
    render = rendered({"global": {"imageRegistry": "registry.example"}})
    found = list(images(render))
    assert found
    assert [image for image in found if not image.startswith("registry.example/")] == []


@pytest.mark.parametrize(
    ("image", "registry", "pulled"),
    [
        ("python:3.12-slim", "", "python:3.12-slim"),
        ("python:3.12-slim", "registry.example", "registry.example/python:3.12-slim"),
        ("docker.io/library/python", "registry.example/mirror", "registry.example/mirror/library/python"),
        ("localhost:5001/tests:1", "registry.example", "registry.example/tests:1"),
        ("team/tests@sha256:abc", "registry.example", "registry.example/team/tests@sha256:abc"),
        ("docker.io/library/python", "", "docker.io/library/python"),
    ],
)
def test_the_global_registry_applies_to_the_image_of_helm_tests(rendered, image, registry, pulled):
    render = rendered({"tests": {"image": image}, "global": {"imageRegistry": registry}})
    pods = [o for o in render.find("Pod") if o["metadata"]["name"].startswith("platform-test-")]
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {pulled}


def test_the_release_stays_far_below_the_size_limit_of_a_secret(preset, staged, helm, request):
    """Helm stores a release as base64 of gzipped JSON in one Secret, whose limit is 1 MiB."""
    path = request.node.callspec.params["preset"]
    options = ["--values", path] if path else []
    done = helm("install", "platform", staged, "--dry-run=client", "--output", "json", *options)
    assert done.returncode == 0, done.stderr
    kept = len(base64.b64encode(gzip.compress(done.stdout.encode(), 9)))
    assert kept < 512 * 1024, f"{kept} bytes"


# --- notes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PRESETS, ids=preset_id)
def test_the_notes_forward_ports_of_services_that_exist(rendered, path):
    render = rendered(value_files=[str(path)] if path else [])
    text = notes(value_files=[path] if path else [])
    lines = re.findall(r"kubectl --namespace (\S+) port-forward service/(\S+) (\d+):(\d+)", text)
    assert lines
    for namespace, name, local, port in lines:
        assert namespace == "observability"
        assert f"http://localhost:{local}" in text
        if render.stand_in and name.startswith(PREFIX):
            continue
        ports = [each["port"] for each in the(render, "Service", name)["spec"]["ports"]]
        assert int(port) in ports
    bundled = of_stack(render)["enabled"]
    assert (f"{PREFIX}-prometheus" in text) == (f"{PREFIX}-grafana" in text) == bundled
    assert "helm test platform --namespace observability" in text


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"store": {"type": "memory"}}, "Objects are stored in memory"),
        ({"store": {"persistence": {"enabled": False}}}, "Objects are stored in the pod, without a volume"),
        (
            {"ingress": {"enabled": True, "hosts": ["a.example"]}},
            "add other clients to networkPolicy.api.from",
        ),
        ({"service": {"type": "NodePort"}}, "add other clients to networkPolicy.api.from"),
        (
            {"faults": {"enabled": True}},
            "WARNING: faults.enabled is true. Anyone who can reach the API can make it fail",
        ),
        (
            {"config": {"metricsDisabled": ["http_server_threads", "storage_objects"]}},
            "Some metrics are disabled: panels and queries that use http_server_threads, storage_objects",
        ),
        ({}, None),
    ],
)
def test_the_notes_warn_of_surprising_settings(values, warning):
    text = notes({"storage-api": values})
    for line in (
        "Objects are stored in memory",
        "Objects are stored in the pod",
        "add other clients to networkPolicy.api.from",
        "WARNING: faults",
        "Some metrics are disabled",
    ):
        assert (line in text) == (warning is not None and warning.startswith(line))
    assert warning is None or warning in text
