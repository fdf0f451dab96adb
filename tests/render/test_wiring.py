"""What refers to what: selectors and labels, ports by name, paths that answer, monitors picked up."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import fields

import pytest
import requests

from lab.chart import ROOT
from storage_api.config import LOG_LEVELS, STORES, Config

RELEASES = ["platform", "other", "r" * 53]
MONITORING = ("ServiceMonitor", "PrometheusRule")


def one(objects, kind):
    (found,) = [o for o in objects if o["kind"] == kind]
    return found


def workload(render):
    (found,) = [o for o in render.ours if o["kind"] in ("Deployment", "StatefulSet")]
    return found


def matches(selector, labels):
    """Whether a label selector of matchLabels alone selects these labels."""
    assert set(selector) <= {"matchLabels"}
    return selector.get("matchLabels", {}).items() <= labels.items()


def duration(text):
    """The seconds of a Prometheus duration such as `1m30s`."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    assert "".join(map("".join, parts)) == text
    return sum(int(number) * units[unit] for number, unit in parts)


@pytest.fixture(params=["filesystem", "memory"])
def render(request, rendered):
    return rendered({"storage-api": {"store": {"type": request.param}}})


def test_selectors_find_our_pods_and_name_the_release(render):
    pod = workload(render)["spec"]["template"]
    labels = pod["metadata"]["labels"]
    assert matches(workload(render)["spec"]["selector"], labels)
    for service in (o for o in render.ours if o["kind"] == "Service"):
        selector = service["spec"]["selector"]
        assert selector.items() <= labels.items()
        assert selector["app.kubernetes.io/instance"] == "platform"


def test_the_service_monitor_selects_one_service_by_a_port_that_leads_to_the_container(render):
    monitor = one(render.ours, "ServiceMonitor")
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["observability"]}
    services = [
        o
        for o in render.objects
        if o["kind"] == "Service" and matches(monitor["spec"]["selector"], o["metadata"]["labels"])
    ]
    (service,) = services  # a second one would scrape every pod twice
    (endpoint,) = monitor["spec"]["endpoints"]
    (port,) = [p for p in service["spec"]["ports"] if p["name"] == endpoint["port"]]
    (container,) = workload(render)["spec"]["template"]["spec"]["containers"]
    assert port["targetPort"] in [p["name"] for p in container["ports"]]


def test_the_rules_select_the_job_that_the_monitor_makes(render):
    """The job is the Service's name, the namespace the release's: the operator's defaults."""
    assert not {"jobLabel", "targetLabels"} & one(render.ours, "ServiceMonitor")["spec"].keys()
    rules = [r for g in one(render.ours, "PrometheusRule")["spec"]["groups"] for r in g["rules"]]
    assert rules
    for rule in rules:
        assert 'namespace="observability", job="platform-storage-api"' in rule["expr"]


@pytest.fixture(scope="module")
def service(default, tmp_path_factory):
    """The address of the service, run with the settings and on the port that the pod would have."""
    container = workload(default)["spec"]["template"]["spec"]["containers"][0]
    given = settings(default)
    assert given["PORT"] == str(container["ports"][0]["containerPort"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = {**given, "HOST": "127.0.0.1", "PORT": str(port)}
    given["STORE_PATH"] = str(tmp_path_factory.mktemp("data"))
    process = subprocess.Popen(
        [sys.executable, "-m", "storage_api"],
        env={**os.environ, **given, "PYTHONPATH": str(ROOT / "service")},
    )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < deadline, "the service did not answer within 20 s"
            try:
                requests.get(f"{address}/healthz", timeout=2)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.live
def test_the_monitored_path_answers_with_the_metrics_that_the_rules_read(default, service):
    (endpoint,) = one(default.ours, "ServiceMonitor")["spec"]["endpoints"]
    requests.put(f"{service}/api/buckets/1", data=b"x", timeout=5).raise_for_status()
    answer = requests.get(service + endpoint["path"], timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    rules = json.dumps(one(default.ours, "PrometheusRule"))
    read = set(re.findall(r"\bhttp_request\w*(?=\{)", rules)) - set(re.findall(r":(http_request\w*)", rules))
    assert read == {"http_request_count_total"}
    for metric in read:
        assert re.search(rf"^{metric}\{{", answer.text, re.MULTILINE)


@pytest.mark.live
def test_every_probe_answers(default, service):
    container = workload(default)["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"
        assert requests.get(service + container[probe]["httpGet"]["path"], timeout=5).status_code == 200


def settings(render):
    """The environment that our ConfigMap gives the container."""
    container = workload(render)["spec"]["template"]["spec"]["containers"][0]
    (config,) = render.find("ConfigMap", container["envFrom"][0]["configMapRef"]["name"])
    return config["data"]


@pytest.mark.parametrize("preset", sorted((ROOT / "ci").glob("*-values.yaml")), ids=lambda path: path.name)
def test_the_service_takes_the_settings_of_each_preset(rendered, preset):
    given = settings(rendered(value_files=[str(preset)]))
    assert given.keys() <= {field.name.upper() for field in fields(Config)}
    Config.from_environment(given)


def test_every_setting_of_the_service_is_a_value_of_the_chart(rendered):
    s3 = {"type": "s3", "s3": {"bucket": "objects", "endpoint": "http://minio.example:9000"}}
    given = settings(rendered()) | settings(rendered({"storage-api": {"store": s3}}))
    assert given.keys() == {field.name.upper() for field in fields(Config)}


def test_the_chart_and_the_service_allow_the_same_words():
    schema = json.loads((ROOT / "charts/storage-api/values.schema.json").read_text())["properties"]
    assert schema["config"]["properties"]["logLevel"]["enum"] == list(LOG_LEVELS)
    assert schema["store"]["properties"]["type"]["enum"] == list(STORES)
    assert schema["config"]["properties"]["maxObjectBytes"]["default"] == Config().max_object_bytes


@pytest.mark.parametrize("release", RELEASES)
def test_monitors_and_rules_carry_the_release_label(rendered, release):
    """A kube-prometheus-stack with its default selectors, and the same release's name, picks them up."""
    for o in rendered(release=release).ours:
        if o["kind"] in MONITORING:
            assert o["metadata"]["labels"]["release"] == release


def test_another_stack_picks_our_objects_up_by_its_own_labels(rendered):
    render = rendered({"global": {"monitoring": {"labels": {"release": "byo", "team": "a"}}}})
    for kind in MONITORING:
        labels = one(render.ours, kind)["metadata"]["labels"]
        assert {"release": "byo", "team": "a"}.items() <= labels.items()


@pytest.mark.parametrize("release", RELEASES)
def test_the_bundled_prometheus_picks_up_every_monitor_and_rule(rendered, release):
    """The selectors as the values have them, and as Prometheus gets them where the real package renders."""
    render = rendered(release=release)
    spec = render.values["kube-prometheus-stack"]["prometheus"]["prometheusSpec"]
    ruler = render.values["kube-prometheus-stack"]["thanosRuler"]["thanosRulerSpec"]
    kinds = ("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule")
    assert [spec[f"{kind}SelectorNilUsesHelmValues"] for kind in kinds] == [False] * len(kinds)
    assert ruler["ruleSelectorNilUsesHelmValues"] is False
    if not render.stand_in:
        (prometheus,) = render.find("Prometheus")
        for kind in kinds:
            assert prometheus["spec"][f"{kind}Selector"] == {}
            assert prometheus["spec"][f"{kind}NamespaceSelector"] == {}


def test_nothing_is_scraped_more_slowly_than_the_datasource_believes(default):
    grafana = default.values["kube-prometheus-stack"]["grafana"]
    believed = duration(grafana["sidecar"]["datasources"]["defaultDatasourceScrapeInterval"])
    for monitor in (o for o in default.ours if o["kind"] == "ServiceMonitor"):
        for endpoint in monitor["spec"]["endpoints"]:
            assert duration(endpoint["scrapeTimeout"]) <= duration(endpoint["interval"]) <= believed


def test_dashboards_are_what_the_repository_has_in_their_folder(default):
    found = {}
    for o in default.ours:
        if o["metadata"]["labels"].get("grafana_dashboard") == "1":
            assert o["metadata"]["annotations"] == {"grafana_folder": "Observability Platform"}
            found |= o["data"]
    assert found.keys() == {p.name for p in (ROOT / "dashboards").glob("*.json")}
    for name, text in found.items():
        assert json.loads(text) == json.loads((ROOT / "dashboards" / name).read_text())


def test_no_dashboard_shares_its_file_name_its_uid_or_its_title(default):
    """One duplicate freezes the whole provider; the dependency's own dashboards count too."""
    dashboards = [
        (name, json.loads(text))
        for o in default.find("ConfigMap")
        if "grafana_dashboard" in o["metadata"].get("labels", {})
        for name, text in o["data"].items()
    ]
    assert dashboards
    for keys in (
        [name for name, _ in dashboards],
        [dashboard["uid"] for _, dashboard in dashboards],
        [dashboard["title"] for _, dashboard in dashboards],
    ):
        assert len(set(keys)) == len(keys)
