"""References between objects: selectors and labels, named ports, paths of probes, monitors and policies."""

import ipaddress
import json
import re

import pytest
import requests

from lab import ROOT
from storage_api.config import SETTINGS, read
from tests.support.chart.pod import running
from tests.support.chart.wiring import foreign_series, selects

RELEASES = ["platform", "other", "r" * 53]
MONITORING = ("ServiceMonitor", "PrometheusRule")


def one(objects, kind):
    (found,) = [o for o in objects if o["kind"] == kind]
    return found


def workload(render):
    (found,) = [o for o in render.ours if o["kind"] in ("Deployment", "StatefulSet")]
    return found


def duration(text):
    """Seconds of a Prometheus duration such as `1m30s`."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    assert "".join(map("".join, parts)) == text
    return sum(int(number) * units[unit] for number, unit in parts)


@pytest.fixture(params=["filesystem", "memory"])
def render(request, rendered):
    # The default, and the other kind of workload with a metrics port.
    parted = {"metrics": {"port": 9797}} if request.param == "memory" else {}
    return rendered({"storage-api": {"store": {"type": request.param}, **parted}})


def test_selectors_match_our_pods_and_the_release(render):
    pod = workload(render)["spec"]["template"]
    labels = pod["metadata"]["labels"]
    assert selects(workload(render)["spec"]["selector"], labels)
    for service in (o for o in render.ours if o["kind"] == "Service"):
        selector = service["spec"]["selector"]
        assert selector.items() <= labels.items()
        assert selector["app.kubernetes.io/instance"] == "platform"


def test_the_service_monitor_selects_one_service_with_a_port_of_the_container(render):
    monitor = one(render.ours, "ServiceMonitor")
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["observability"]}
    services = [
        o
        for o in render.objects
        if o["kind"] == "Service" and selects(monitor["spec"]["selector"], o["metadata"]["labels"])
    ]
    (service,) = services  # a second Service would have every pod scraped twice
    (endpoint,) = monitor["spec"]["endpoints"]
    (port,) = [p for p in service["spec"]["ports"] if p["name"] == endpoint["port"]]
    (container,) = workload(render)["spec"]["template"]["spec"]["containers"]
    assert port["targetPort"] in [p["name"] for p in container["ports"]]


def test_rules_select_the_job_of_the_service_monitor(render):
    """By the operator's defaults, the job is the Service's name, and the namespace is the release's."""
    assert not {"jobLabel", "targetLabels"} & one(render.ours, "ServiceMonitor")["spec"].keys()
    (own,) = render.find("PrometheusRule", "platform-storage-api")
    (levels,) = render.find("PrometheusRule", "platform-slo-platform-storage-api")
    (workloads,) = render.find("PrometheusRule", "platform-workloads")
    rules = [
        rule for o in (own, levels, workloads) for group in o["spec"]["groups"] for rule in group["rules"]
    ]
    assert rules
    for rule in rules:
        assert foreign_series(rule["expr"], "observability", "platform-storage-api") == []


PORTS = {"together": {}, "parted": {"storage-api": {"metrics": {"port": 9797}}}}


@pytest.fixture(scope="module", params=PORTS.values(), ids=PORTS)
def pod(request, rendered, tmp_path_factory):
    """A render, and the URLs of a local service that runs with its settings."""
    render = rendered(request.param)
    with running(render, tmp_path_factory.mktemp("data")) as urls:
        yield render, urls


@pytest.mark.live
def test_the_monitored_path_answers_with_the_metrics_that_the_rules_read(pod):
    render, urls = pod
    (endpoint,) = one(render.ours, "ServiceMonitor")["spec"]["endpoints"]
    answer = requests.get(urls[endpoint["port"]] + endpoint["path"], timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    rules = [json.dumps(o) for o in render.ours if o["kind"] == "PrometheusRule"]
    read = set(re.findall(r"\b(?:http|storage)_\w+(?=\{)", "".join(rules)))
    assert {"http_request_count_total", "storage_operations_total", "http_server_threads"} < read
    for metric in read:
        assert re.search(rf"^{metric}[{{ ]", answer.text, re.MULTILINE), metric


@pytest.mark.live
@pytest.mark.parametrize("path", ["/metrics", "/api/metrics"])
def test_metrics_with_their_own_port_are_served_only_there(pod, path):
    _, urls = pod
    found = {name: requests.get(url + path, timeout=5).status_code for name, url in urls.items()}
    assert found == ({"http": 404, "metrics": 200} if "metrics" in urls else {"http": 200})


@pytest.mark.live
def test_the_metrics_port_serves_nothing_else(pod):
    _, urls = pod
    for path in ("/api/buckets/1", "/healthz", "/") if "metrics" in urls else ():
        assert requests.get(urls["metrics"] + path, timeout=5).status_code == 404


@pytest.mark.live
def test_every_probe_answers(pod):
    render, urls = pod
    container = workload(render)["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["port"] == "http"
        assert requests.get(urls[asked["port"]] + asked["path"], timeout=5).status_code == 200


SCHEMA = json.loads((ROOT / "charts/storage-api/values.schema.json").read_text())
VARIABLES = {setting.variable: setting for setting in SETTINGS}
OPENTELEMETRY_VARIABLES = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME"}
# Values that the chart passes on unchanged.
SAME = {
    "config.logFormat": "LOG_FORMAT",
    "config.logLevel": "LOG_LEVEL",
    "config.maxObjectBytes": "MAX_OBJECT_BYTES",
    "config.shutdownDelaySeconds": "SHUTDOWN_DELAY_SECONDS",
    "config.shutdownTimeoutSeconds": "SHUTDOWN_TIMEOUT_SECONDS",
    "config.threads": "THREADS",
    "store.minFreeBytes": "STORE_MIN_FREE_BYTES",
    "store.type": "STORE",
}


def schema_at(path):
    found = SCHEMA
    for name in path.split("."):
        found = found["properties"][name]
    return found


STORE_TYPES = schema_at("store.type")["enum"]


def settings(render):
    """The container's environment from our ConfigMap."""
    container = workload(render)["spec"]["template"]["spec"]["containers"][0]
    (config,) = render.find("ConfigMap", container["envFrom"][0]["configMapRef"]["name"])
    return config["data"]


@pytest.mark.parametrize("preset", sorted((ROOT / "ci").glob("*-values.yaml")), ids=lambda path: path.name)
def test_the_service_accepts_the_settings_of_each_preset(rendered, preset):
    given = settings(rendered(value_files=[str(preset)]))
    assert given.keys() <= VARIABLES.keys() | OPENTELEMETRY_VARIABLES
    read(given)


# Values that are unset by default, and that can all be set together.
EVERY_SETTING = {
    "store": {
        "s3": {"bucket": "objects", "endpoint": "http://minio.example:9000"},
        "gcs": {"bucket": "some_objects", "endpoint": "http://gcs.example:4443"},
        "azure": {"account": "some1", "container": "objects", "endpoint": "https://azure.example/"},
    },
    "config": {"metricsDisabled": ["http_server_threads", "storage_objects"], "logRequests": False},
    "metrics": {"port": 9797},
    "auth": {"existingSecret": "tokens"},
    "faults": {"enabled": True},
    "traces": {"endpoint": "https://traces.example/otlp/"},
}


def test_every_setting_of_the_service_is_a_value_of_the_chart(rendered):
    given = {}
    for store in STORE_TYPES:
        stores = {**EVERY_SETTING["store"], "type": store}
        made = settings(rendered({"storage-api": {**EVERY_SETTING, "store": stores}}))
        read(made)
        given |= made
    assert given.keys() == VARIABLES.keys() | OPENTELEMETRY_VARIABLES


def test_chart_and_service_allow_the_same_values(rendered):
    """They allow the same words and ranges; defaults differ only where a cluster needs another."""
    for path, variable in SAME.items():
        about = VARIABLES[variable].about
        rules = schema_at(path)
        if "enum" in rules:
            assert about.type.allowed == f"one of {', '.join(rules['enum'])}", path
        elif rules["type"] == "integer":
            bounds = (rules["minimum"], rules["maximum"])
            assert about.type.allowed == "a whole number from {} to {}".format(*bounds), path
    families = schema_at("config.metricsDisabled")["items"]["$ref"].rpartition("/")[2]
    allowed = ", ".join(SCHEMA["definitions"][families]["enum"])
    assert VARIABLES["METRICS_DISABLED"].about.type.allowed.endswith(f" of {allowed}")
    ours = read(settings(rendered()))
    differs = {s.variable for s in SETTINGS if getattr(ours, s.name) != s.default}
    assert differs == {"SHUTDOWN_DELAY_SECONDS"}


@pytest.mark.parametrize("port", [0, 9797])
def test_the_policy_opens_each_port_only_to_its_clients(rendered, port):
    clients, scrapers = ({"ipBlock": {"cidr": cidr}} for cidr in ("10.1.0.0/16", "10.2.0.0/16"))
    policy = {"api": {"from": [clients]}, "metrics": {"from": [scrapers]}}
    render = rendered({"storage-api": {"metrics": {"port": port}, "networkPolicy": policy}})
    opened = {}
    for rule in one(render.ours, "NetworkPolicy")["spec"]["ingress"]:
        for each in rule["ports"]:
            opened[each["port"]] = [peer for peer in rule["from"] if "ipBlock" in peer]
    assert opened == ({"http": [clients], "metrics": [scrapers]} if port else {"http": [clients, scrapers]})


@pytest.mark.parametrize(
    ("values", "port"),
    [
        ({"traces": {"endpoint": "http://collector.tracing:4318"}}, 4318),
        ({"traces": {"endpoint": "http://collector.tracing/v1"}}, 80),
        ({"traces": {"endpoint": "https://otlp.example/otlp"}}, 443),
        ({"store": {"type": "s3", "s3": {"bucket": "objects", "endpoint": "http://minio:9000"}}}, 9000),
        ({"store": {"type": "gcs", "gcs": {"bucket": "objects"}}}, 443),
        ({"store": {"type": "azure", "azure": {"account": "one", "container": "objects"}}}, 443),
    ],
)
def test_the_policy_allows_egress_to_the_configured_servers(rendered, values, port):
    before = one(rendered().ours, "NetworkPolicy")["spec"]["egress"]
    after = one(rendered({"storage-api": values}).ours, "NetworkPolicy")["spec"]["egress"]
    assert {"ports": [{"port": port, "protocol": "TCP"}]} in [rule for rule in after if rule not in before]


def opened(render):
    """Yield the allowed egress as ((port, protocol), address blocks)."""
    for rule in one(render.ours, "NetworkPolicy")["spec"]["egress"]:
        blocks = [peer["ipBlock"]["cidr"] for peer in rule.get("to", ())] or ["0.0.0.0/0", "::/0"]
        for port in rule["ports"]:
            yield (port["port"], port["protocol"]), [ipaddress.ip_network(block) for block in blocks]


def reaches(render, address, port, protocol="TCP"):
    """Tell if the policy allows our pods to reach an address."""
    address = ipaddress.ip_address(address)
    return any(
        asked == (port, protocol) and any(address in block for block in blocks)
        for asked, blocks in opened(render)
    )


@pytest.mark.parametrize("port", [53, 5353])
@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_the_policy_allows_dns(rendered, port, protocol):
    """A NetworkPolicy applies to the port of the DNS pod, which is 53, or 5353 on OpenShift."""
    assert reaches(rendered(), "10.128.0.9", port, protocol)


CLOUD_STORES = {
    "s3": {"bucket": "objects"},
    "gcs": {"bucket": "objects"},
    "azure": {"account": "one", "container": "objects"},
}


@pytest.mark.parametrize("secret", ["", "key"])
@pytest.mark.parametrize(
    ("store", "address", "port"),
    [
        ("s3", "169.254.170.23", 80),  # EKS Pod Identity
        ("s3", "fd00:ec2::23", 80),
        ("s3", "169.254.169.254", 80),  # the node's role
        ("s3", "fd00:ec2::254", 80),
        ("gcs", "169.254.169.254", 80),
        ("gcs", "169.254.169.252", 988),  # GKE's metadata server
        ("azure", "169.254.169.254", 80),  # the node's managed identity
    ],
)
def test_the_policy_allows_cloud_credentials_only_without_a_secret(rendered, store, address, port, secret):
    values = {"type": store, store: {**CLOUD_STORES[store], "existingSecret": secret}}
    assert reaches(rendered({"storage-api": {"store": values}}), address, port) == (secret == "")


def test_pods_without_cloud_credentials_cannot_reach_metadata_servers(rendered):
    keys = {"bucket": "objects", "accessKeyId": "id", "secretAccessKey": "key"}
    for store in ({}, {"type": "memory"}, {"type": "s3", "s3": keys}):
        render = rendered({"storage-api": {"store": store}})
        assert not reaches(render, "169.254.169.254", 80)
        assert not reaches(render, "169.254.170.23", 80)


def test_narrowed_egress_to_the_object_store_still_allows_credentials(rendered):
    policy = {"objectStore": {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}}
    store = {"type": "s3", "s3": CLOUD_STORES["s3"]}
    render = rendered({"storage-api": {"store": store, "networkPolicy": policy}})
    assert reaches(render, "169.254.170.23", 80)
    assert reaches(render, "10.1.2.3", 443)
    assert not reaches(render, "52.94.0.1", 443)  # STS: a narrowed list must include it
    text = (ROOT / "charts/storage-api/values.yaml").read_text()
    assert "sts.<region>.amazonaws.com" in text.partition("objectStore:")[2].partition("to:")[0]


@pytest.mark.parametrize("store", CLOUD_STORES)
def test_credentials_come_from_the_secret_of_the_selected_store(rendered, store):
    secrets = {name: {**given, "existingSecret": f"key-of-{name}"} for name, given in CLOUD_STORES.items()}
    render = rendered({"storage-api": {"store": {"type": store, **secrets}}})
    assert workload(render)["kind"] == "Deployment"
    (container,) = workload(render)["spec"]["template"]["spec"]["containers"]
    assert [each["secretRef"]["name"] for each in container["envFrom"][1:]] == [f"key-of-{store}"]


def test_tokens_are_mounted_as_a_folder_in_the_pod_and_its_test(rendered):
    """A subPath mount or a variable would not be updated when the Secret changes."""
    render = rendered({"storage-api": {"auth": {"existingSecret": "tokens", "existingSecretKey": "api.txt"}}})
    (test,) = render.find("Pod", "platform-storage-api-test")
    file = settings(render)["AUTH_TOKENS_FILE"]
    (variable,) = [v for v in test["spec"]["containers"][0]["env"] if v["name"] == "TOKENS_FILE"]
    assert variable["value"] == file
    for spec in (workload(render)["spec"]["template"]["spec"], test["spec"]):
        (mount,) = [m for m in spec["containers"][0]["volumeMounts"] if m["name"] == "auth"]
        folder, _, name = file.rpartition("/")
        assert mount == {"name": "auth", "mountPath": folder, "readOnly": True}
        (volume,) = [v for v in spec["volumes"] if v["name"] == "auth"]
        items = [{"key": "api.txt", "path": name}]
        assert volume["secret"] == {"secretName": "tokens", "items": items}


@pytest.mark.parametrize("release", RELEASES)
def test_monitors_and_rules_carry_the_release_label(rendered, release):
    """A kube-prometheus-stack with default selectors picks them up if its release has the same name."""
    for o in rendered(release=release).ours:
        if o["kind"] in MONITORING:
            assert o["metadata"]["labels"]["release"] == release


def test_monitors_and_rules_carry_the_labels_for_another_stack(rendered):
    render = rendered({"global": {"monitoring": {"labels": {"release": "byo", "team": "a"}}}})
    found = [o for o in render.ours if o["kind"] in MONITORING]
    assert {o["kind"] for o in found} == set(MONITORING)
    for o in found:
        assert {"release": "byo", "team": "a"}.items() <= o["metadata"]["labels"].items()


@pytest.mark.parametrize("release", RELEASES)
def test_the_bundled_prometheus_picks_up_every_monitor_and_rule(rendered, release):
    """Checks the selectors in the values and, with the real package, those in the Prometheus object."""
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


def test_no_scrape_interval_is_longer_than_the_datasources(default):
    grafana = default.values["kube-prometheus-stack"]["grafana"]
    believed = duration(grafana["sidecar"]["datasources"]["defaultDatasourceScrapeInterval"])
    for monitor in (o for o in default.ours if o["kind"] == "ServiceMonitor"):
        for endpoint in monitor["spec"]["endpoints"]:
            assert duration(endpoint["scrapeTimeout"]) <= duration(endpoint["interval"]) <= believed


def test_file_names_uids_and_titles_of_dashboards_are_unique(default):
    """Grafana stops updating all dashboards at one duplicate; the dependency's dashboards count too."""
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
