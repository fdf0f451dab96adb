"""Prometheus' derived configuration gives targets the labels that they have in a cluster."""

import copy
import subprocess
from dataclasses import replace

import pytest
import yaml

from lab import ROOT, toolchain
from lab.platform import VALUES
from lab.render import self_monitoring, workload
from lab.render.chart import render_chart
from lab.render.discovery import Pod, Port
from lab.render.stack import Stack
from lab.servers import checkout, prometheus

ADDRESSES = {"prometheus": "127.0.0.1:9090", "alertmanager": "127.0.0.1:9093"}
CHECKOUT = "127.0.0.1:8000"
API = {"http": "127.0.0.1:5000", "metrics": "127.0.0.1:9797"}


def build(render):
    stack = Stack.of(render)
    shop = checkout.manifests(ROOT)
    pods = [
        workload.find(render, API).pod,
        checkout.pod(shop, CHECKOUT),
        *self_monitoring.pods(stack, ADDRESSES),
    ]
    others = [*self_monitoring.objects(stack), *shop]
    return prometheus.configuration(render, stack, pods, others, ADDRESSES["alertmanager"])


def altered(render, kind, change):
    """Return the render with one of our objects changed by a function."""
    objects = copy.deepcopy(render.objects)
    for o, source in zip(objects, render.sources, strict=True):
        if o["kind"] == kind and source.startswith("observability-platform/"):
            change(o)
    return replace(render, objects=objects)


def monitor(render, **spec):
    return altered(render, "ServiceMonitor", lambda o: o["spec"].update(spec))


def endpoint(render, **more):
    return altered(render, "ServiceMonitor", lambda o: o["spec"]["endpoints"][0].update(more))


def selecting(render, **spec):
    """The render with selectors that the chart itself would refuse."""
    values = copy.deepcopy(render.values)
    values["kube-prometheus-stack"].setdefault("prometheus", {}).setdefault("prometheusSpec", {}).update(spec)
    return replace(render, values=values)


def scrape(config):
    """Return the scrape config of the storage API."""
    (found,) = [s for s in config.main["scrape_configs"] if "storage-api" in s["job_name"]]
    return found


@pytest.fixture(scope="session")
def target_labels(tmp_path_factory):
    """Return a function that relabels a scrape config's targets with Prometheus' own code."""
    file = tmp_path_factory.mktemp("relabel") / "prometheus.yml"

    def read(config) -> list[dict[str, str]]:
        file.write_text(yaml.safe_dump({"scrape_configs": [config]}))
        # promtool keeps a CPU busy for the whole timeout. A short one is usually enough for static targets.
        for timeout in ("100ms", "5s"):
            command = [toolchain.promtool(), "check", "service-discovery", f"--timeout={timeout}", file]
            done = subprocess.run(
                [*command, config["job_name"]], capture_output=True, text=True, timeout=60, check=True
            )
            if found := yaml.safe_load(done.stdout):
                break
        return [target["labels"] for target in found]

    return read


def test_the_scrape_job_is_named_as_by_the_operator(render):
    assert scrape(build(render))["job_name"] == "serviceMonitor/observability/platform-storage-api/0"


def test_metrics_with_their_own_port_are_scraped_there(target_labels):
    values = {"storage-api": {"metrics": {"port": 1234}}}
    (labels,) = target_labels(scrape(build(render_chart(values, value_files=[VALUES]))))
    assert (labels["instance"], labels["endpoint"]) == ("127.0.0.1:9797", "metrics")


def test_interval_timeout_and_path_are_those_of_the_monitor(render):
    (rendered,) = [
        o
        for o in render.ours
        if o["kind"] == "ServiceMonitor" and o["metadata"]["name"] == "platform-storage-api"
    ]
    (wanted,) = rendered["spec"]["endpoints"]
    found = scrape(build(render))
    assert found["scrape_interval"] == wanted["interval"] == "5s"
    assert found["scrape_timeout"] == wanted["scrapeTimeout"]
    assert found["metrics_path"] == wanted["path"] == "/api/metrics"
    assert found["static_configs"][0]["targets"] == [API["http"]]


def test_targets_have_the_labels_of_a_cluster(render, target_labels):
    (labels,) = target_labels(scrape(build(render)))
    assert {name: value for name, value in labels.items() if not name.startswith("__")} == {
        "namespace": "observability",
        "service": "platform-storage-api",
        "job": "platform-storage-api",
        "pod": "platform-storage-api-0",
        "container": "storage-api",
        "endpoint": "http",
        "instance": API["http"],
    }


def test_a_service_outside_the_chart_has_the_labels_of_a_cluster(render, target_labels):
    (found,) = [s for s in build(render).main["scrape_configs"] if "checkout" in s["job_name"]]
    (labels,) = target_labels(found)
    assert {name: value for name, value in labels.items() if not name.startswith("__")} == {
        "namespace": "shop",
        "service": "checkout",
        "job": "checkout",
        "pod": "checkout-0",
        "container": "checkout",
        "endpoint": "http",
        "instance": CHECKOUT,
    }


@pytest.mark.parametrize("component", self_monitoring.COMPONENTS)
def test_the_stack_monitors_itself_under_its_own_names(render, component, target_labels):
    jobs = {s["job_name"]: s for s in build(render).main["scrape_configs"]}
    name = f"observability-platform-{component}"
    (labels,) = target_labels(jobs[f"serviceMonitor/observability/{name}/0"])
    assert {key: value for key, value in labels.items() if not key.startswith("__")} == {
        "namespace": "observability",
        "service": name,
        "job": name,
        "pod": f"{component}-{name}-0",
        "container": component,
        "endpoint": "http-web",
        "instance": ADDRESSES[component],
    }


@pytest.mark.parametrize(
    "spec, expected",
    [
        ({"jobLabel": "app.kubernetes.io/name"}, {"job": "storage-api"}),
        ({"jobLabel": "not/there"}, {"job": "platform-storage-api"}),
        (
            {"targetLabels": ["app.kubernetes.io/part-of"]},
            {"app_kubernetes_io_part_of": "observability-platform"},
        ),
        ({"podTargetLabels": ["app.kubernetes.io/component"]}, {"app_kubernetes_io_component": "api"}),
        ({"targetLabels": ["not/there"]}, {"not_there": None}),
    ],
    ids=str,
)
def test_labels_requested_by_a_monitor_are_added(render, spec, expected, target_labels):
    (labels,) = target_labels(scrape(build(monitor(render, **spec))))
    assert {name: labels.get(name) for name in expected} == expected


def test_relabelings_see_discovery_labels_and_override_labels(render, target_labels):
    relabelings = [
        {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"},
        {"action": "Replace", "replacement": "eu", "targetLabel": "region"},
        {"action": "LabelDrop", "regex": "endpoint"},
    ]
    (labels,) = target_labels(scrape(build(endpoint(render, relabelings=relabelings))))
    assert labels["instance"] == "platform-storage-api-0"
    assert labels["region"] == "eu"
    assert "endpoint" not in labels


def test_fields_of_monitor_and_endpoint_are_carried_over(render):
    changed = endpoint(
        monitor(
            render,
            sampleLimit=1000,
            scrapeClassicHistograms=True,
            fallbackScrapeProtocol="PrometheusText0.0.4",
        ),
        honorLabels=True,
        honorTimestamps=False,
        scheme="https",
        params={"a": ["b"]},
        metricRelabelings=[{"action": "drop", "sourceLabels": ["__name__"], "regex": "python_.*"}],
    )
    found = scrape(build(changed))
    assert found["sample_limit"] == 1000
    assert found["always_scrape_classic_histograms"] is True
    assert found["fallback_scrape_protocol"] == "PrometheusText0.0.4"
    assert found["honor_labels"] is True
    assert found["honor_timestamps"] is False
    assert found["scheme"] == "https"
    assert found["params"] == {"a": ["b"]}
    assert found["metric_relabel_configs"] == [
        {"action": "drop", "source_labels": ["__name__"], "regex": "python_.*"}
    ]


@pytest.mark.parametrize("port", [{"port": "http"}, {"targetPort": "http"}, {"targetPort": 5000}], ids=str)
def test_a_port_is_found_by_name_or_by_number(render, port):
    def change(o):
        del o["spec"]["endpoints"][0]["port"]
        o["spec"]["endpoints"][0].update(port)

    (target,) = scrape(build(altered(render, "ServiceMonitor", change)))["static_configs"]
    assert target["targets"] == [API["http"]]


@pytest.mark.parametrize(
    "change, line",
    [
        (lambda r: endpoint(r, port="grpc"), "no process of the lab has its port 'grpc'"),
        (lambda r: endpoint(r, tlsConfig={}), "endpoints[0].tlsConfig is ignored by the lab"),
        (lambda r: monitor(r, scrapeClass="x"), "scrapeClass is ignored by the lab"),
    ],
)
def test_fields_that_are_not_carried_over_are_reported(render, change, line):
    assert f"ServiceMonitor observability/platform-storage-api: {line}" in build(change(render)).left_out


def test_a_monitor_of_another_namespace_finds_no_targets(render):
    config = build(monitor(render, namespaceSelector={"matchNames": ["elsewhere"]}))
    assert not any("storage-api" in s["job_name"] for s in config.main["scrape_configs"])


def test_nothing_is_left_out_by_default(render):
    assert build(render).left_out == []


@pytest.mark.parametrize(
    "spec, kept",
    [
        ({"serviceMonitorSelectorNilUsesHelmValues": True}, True),
        ({"serviceMonitorSelector": {"matchLabels": {"team": "a"}}}, False),
        ({"serviceMonitorSelector": {"matchExpressions": [{"key": "release", "operator": "Exists"}]}}, True),
        (
            {"serviceMonitorNamespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}},
            False,
        ),
    ],
    ids=str,
)
def test_a_monitor_that_prometheus_does_not_select_is_left_out_and_reported(render, spec, kept):
    config = build(selecting(render, **spec))
    ours = [s for s in config.main["scrape_configs"] if "storage-api" in s["job_name"]]
    line = "ServiceMonitor observability/platform-storage-api: the rendered Prometheus does not select it"
    assert (len(ours) == 1, line in config.left_out) == (kept, not kept)


def test_a_rule_that_prometheus_does_not_select_is_left_out_and_reported(render):
    config = build(selecting(render, ruleSelector={"matchLabels": {"team": "a"}}))
    assert config.rules == {}
    assert config.main["rule_files"] == []
    assert any(line.startswith("PrometheusRule ") for line in config.left_out)


def test_the_rules_are_the_rendered_ones(render):
    config = build(render)
    rendered = [o["spec"]["groups"] for o in render.ours if o["kind"] == "PrometheusRule"]
    assert [rules["groups"] for rules in config.rules.values()] == rendered
    assert config.main["rule_files"] == [f"rules/{name}" for name in config.rules]


def test_settings_of_the_stacks_prometheus_are_carried_over():
    spec = {
        "scrapeInterval": "7s",
        "scrapeTimeout": "3s",
        "evaluationInterval": "9s",
        "externalLabels": {"cluster": "one"},
        "enableFeatures": ["exemplar-storage", "native-histograms"],
        "exemplars": {"maxSize": 5000},
        "retention": "3d",
        "retentionSize": "1GB",
    }
    values = {
        "kube-prometheus-stack": {
            "prometheus": {"prometheusSpec": spec},
            "grafana": {"sidecar": {"datasources": {"defaultDatasourceScrapeInterval": "7s"}}},
        }
    }
    config = build(render_chart(values, value_files=[VALUES]))
    assert config.main["global"] == {
        "scrape_interval": "7s",
        "scrape_timeout": "3s",
        "evaluation_interval": "9s",
        "external_labels": {
            "prometheus": "observability/observability-platform-prometheus",
            "prometheus_replica": "prometheus-observability-platform-prometheus-0",
            "cluster": "one",
        },
    }
    assert config.main["storage"]["exemplars"] == {"max_exemplars": 5000}
    assert config.flags == [
        "--storage.tsdb.retention.time=3d",
        "--storage.tsdb.retention.size=1GB",
        "--enable-feature=exemplar-storage,native-histograms",
    ]


def test_settings_that_are_not_carried_over_are_reported():
    spec = {"remoteWrite": [{"url": "http://127.0.0.1:1/write"}]}
    values = {"kube-prometheus-stack": {"prometheus": {"prometheusSpec": spec}}}
    config = build(render_chart(values, value_files=[VALUES]))
    assert config.left_out == ["prometheusSpec.remoteWrite is set; the lab ignores it"]


def test_a_service_finds_only_the_pods_that_its_selector_matches(render):
    stack = Stack.of(render)
    stranger = Pod("stranger", "observability", {"app": "x"}, (Port("http", 5000, "x", "127.0.0.1:1"),))
    elsewhere = replace(workload.find(render, API).pod, namespace="elsewhere")
    config = prometheus.configuration(render, stack, [stranger, elsewhere], [], ADDRESSES["alertmanager"])
    assert config.main["scrape_configs"] == []
