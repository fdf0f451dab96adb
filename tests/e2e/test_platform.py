"""The packaged chart with default values: install, monitoring, uninstall, reinstall.

The tests build on each other and run in order.
"""

import copy
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from lab import ROOT, toolchain
from lab.clients import Prometheus
from lab.render import workload
from lab.render.alertmanager_config import translate
from lab.render.chart import render_chart
from lab.render.stack import Stack
from lab.servers.prometheus import configuration
from tests.support.cluster.cluster import Cluster, Object, Release, is_ready, run, wait_for
from tests.support.cluster.monitoring import NAMESPACE, Monitoring, mode, site_value_files
from tests.support.waiting import wait_until

# Time limit for a change to reach Prometheus: the operator writes the configuration, the kubelet delivers it,
# and the config reloader notices it after 3 minutes at the latest.
CONFIGURED_SECONDS = 220
# Objects that an uninstall keeps, as documented: the claim with the stored objects, and Grafana's password.
KEPT = {"persistentvolumeclaims/platform-storage-api", "secrets/observability-platform-grafana-admin"}
OBJECT = bytes(range(256))


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> set[str]:
    """The contents of the namespace before anything is installed."""
    cluster.create_namespace(NAMESPACE)
    wait_for(
        lambda: "configmaps/kube-root-ca.crt" in contents(cluster),
        30,
        "the namespace's default objects exist",
    )
    return contents(cluster)


@pytest.fixture(scope="module")
def release(cluster: Cluster, chart: Path, image_values: Object, monitoring: Monitoring, before) -> Release:
    """The release, not installed yet: default values, plus what the mode, VALUES and the image require."""
    values = {
        "alerting": {
            "enabled": monitoring.has_alertmanager,
            "receivers": {"default": {"config": {"webhookConfigs": [{"url": "https://alerts.example.com"}]}}},
            "critical": "default",
        },
        "storage-api": {"image": image_values},
    }
    if mode() == "bundled":
        # node-exporter needs host access, which PodSecurity `restricted` forbids.
        values["kube-prometheus-stack"] = {"nodeExporter": {"enabled": False}}
        presets = []
    else:
        values["global"] = {"monitoring": {"labels": monitoring.labels}}
        values["tests"] = {"prometheusUrl": monitoring.prometheus_url}
        if monitoring.has_alertmanager:
            values["tests"]["alertmanagerUrl"] = monitoring.alertmanager_url
        presets = [ROOT / "ci/byo-operator-values.yaml"]
    files = (*presets, *site_value_files())
    return Release(cluster, "platform", NAMESPACE, chart, files, values)


@pytest.fixture(scope="module")
def platform(release: Release, fact) -> Release:
    started = time.monotonic()
    release.install()
    fact(f"install: ready after {time.monotonic() - started:.1f} s")
    return release


@pytest.fixture(scope="module")
def prometheus(platform: Release, monitoring: Monitoring) -> Iterator[Prometheus]:
    with platform.cluster.forward("prometheus-operated", monitoring.namespace, 9090) as url:
        yield Prometheus(url)


def contents(cluster: Cluster) -> set[str]:
    """Every object in the namespace as `kinds/name`, except those that Kubernetes derives from others."""
    listed = cluster.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    derived = ("events", "endpoints", "leases", "pods.metrics", "controllerrevisions")
    kinds = ",".join(kind for kind in listed if not kind.startswith(derived))
    items = cluster.get(kinds, namespace=NAMESPACE)["items"]
    return {f"{item['kind'].lower()}s/{item['metadata']['name']}" for item in items}


def test_every_object_is_admitted(platform: Release):
    assert "PodSecurity" not in platform.warnings, platform.warnings
    manifest = platform.helm("get", "manifest", platform.name).stdout
    run([toolchain.kubectl(), "get", "--filename=-", "--output=name"], given=manifest)
    refused = [
        event["message"]
        for event in platform.cluster.get("events", namespace=NAMESPACE)["items"]
        if event["reason"] == "FailedCreate"
    ]
    assert not refused


def test_every_pod_is_ready(platform: Release):
    """Includes the pods that an operator creates, for which helm does not wait."""

    def all_ready() -> bool:
        pods = platform.cluster.get("pods", namespace=NAMESPACE)["items"]
        return bool(pods) and all(map(is_ready, pods))

    wait_for(all_ready, CONFIGURED_SECONDS, "every pod is ready")


def test_helm_test_passes(platform: Release, fact):
    hooks = platform.helm("get", "hooks", platform.name).stdout
    assert "helm.sh/hook: test" in hooks, "the chart has no tests"
    started = time.monotonic()
    output = platform.test()
    passed = len(re.findall(r"^Phase: +Succeeded", output, re.MULTILINE))
    assert passed, output
    fact(f"helm test: {passed} succeeded in {time.monotonic() - started:.1f} s")


def test_the_target_is_up_in_prometheus(platform: Release, prometheus: Prometheus, fact):
    started = time.monotonic()
    target = wait_for(lambda: up(prometheus, platform), CONFIGURED_SECONDS, "the target is up")
    fact(f"target: up {time.monotonic() - started:.1f} s later, labels {', '.join(sorted(target['labels']))}")


def up(prometheus: Prometheus, release: Release) -> Object | None:
    """The storage API's target, or None while it is not up or not the only one."""
    labels = {"namespace": release.namespace, "job": release.service}
    ours = [t for t in prometheus.targets() if labels.items() <= t["labels"].items()]
    return ours[0] if len(ours) == 1 and ours[0]["health"] == "up" else None


def test_every_rule_is_loaded_and_healthy(platform: Release, prometheus: Prometheus, fact):
    expected = [
        rule.get("record") or rule["alert"]
        for item in platform.objects()
        if item["kind"] == "PrometheusRule"
        and item["metadata"]["labels"].get("app.kubernetes.io/part-of") == "observability-platform"
        for group in item["spec"]["groups"]
        for rule in group["rules"]
    ]
    assert expected

    def healthy() -> bool:
        loaded = [r["name"] for r in prometheus.rules() if r["health"] == "ok"]
        # The measured workloads have rules of the same names.
        return all(loaded.count(name) >= expected.count(name) for name in expected)

    wait_for(healthy, CONFIGURED_SECONDS, f"healthy rules: {', '.join(expected)}")
    fact(f"rules: {len(expected)} loaded and healthy")


def test_the_operator_generates_the_same_configuration_as_the_lab(
    platform: Release, prometheus, monitoring: Monitoring
):
    """Compare intervals, path, labels and rules: what the lab shows is then what a cluster shows."""
    files = platform.value_files
    render = render_chart(platform.values, value_files=files, release=platform.name, namespace=NAMESPACE)
    stack = Stack.of(render, platform.name, NAMESPACE)
    pod = workload.find(render, {"http": "127.0.0.1:1", "metrics": "127.0.0.1:2"}).pod
    lab = configuration(render, stack, [pod], [], "127.0.0.1:3")
    operator = {job["job_name"]: job for job in monitoring.configuration()["scrape_configs"]}
    assert lab.main["scrape_configs"]
    for ours in lab.main["scrape_configs"]:
        theirs = operator[ours["job_name"]]
        same = ours.keys() - {"static_configs", "relabel_configs"}
        assert {key: theirs.get(key) for key in same} == {key: ours[key] for key in same}
        # The operator's relabelings also filter the discovered targets: ours must be among them, in order.
        rest = iter([without_defaults(rule) for rule in theirs["relabel_configs"]])
        assert [rule for rule in ours["relabel_configs"] if without_defaults(rule) not in rest] == []
        seen = up(prometheus, platform)["labels"]
        assert {name: value for name, value in seen.items() if name != "instance"} == labels(ours)
    files = monitoring.rule_files()
    for name, ours in lab.rules.items():
        theirs = [file for file in files if file.startswith(name.removesuffix(".yaml") + "-")]
        assert [files[file] for file in theirs] == [ours]


def test_the_operator_routes_alerts_as_the_lab(platform: Release, monitoring: Monitoring, missing_part):
    """`helm test` has passed, so the operator has generated the configuration."""
    if not monitoring.has_alertmanager:
        missing_part(f"there is no Alertmanager in the namespace {monitoring.namespace}")
    files = platform.value_files
    render = render_chart(platform.values, value_files=files, release=platform.name, namespace=NAMESPACE)
    (item,) = render.find("AlertmanagerConfig")
    strategy = monitoring.alertmanager()["spec"].get("alertmanagerConfigMatcherStrategy") or {}
    lab = translate(
        {"route": {}},
        item,
        strategy=strategy.get("type") or "OnNamespace",
        alertmanager_namespace=monitoring.namespace,
        integrations=lambda _: {},
    )
    operator = monitoring.alertmanager_configuration()
    assert lab["route"]["routes"][0] in operator["route"]["routes"]
    assert [rule for rule in lab["inhibit_rules"] if rule not in operator["inhibit_rules"]] == []
    names = [receiver["name"] for receiver in operator["receivers"]]
    assert [receiver["name"] for receiver in lab["receivers"] if receiver["name"] not in names] == []


def without_defaults(rule: Object) -> Object:
    """A relabeling without the fields that have Prometheus' default value."""
    defaults = {
        "action": ("replace",),
        "separator": (";",),
        "regex": ("(.*)",),
        "replacement": ("$1", "${1}"),
    }
    return {key: value for key, value in rule.items() if value not in defaults.get(key, ())}


def labels(job: Object) -> dict[str, str]:
    """The labels of a lab job's only target after relabeling; its rules only copy labels or set constants."""
    (target,) = job["static_configs"]
    found = {}
    for rule in job["relabel_configs"]:
        value = ";".join(target["labels"].get(name, "") for name in rule.get("source_labels", ()))
        if matched := re.fullmatch(rule.get("regex", "(.*)"), value):
            found[rule["target_label"]] = rule.get("replacement", matched[0])
    return found


def test_a_request_is_in_prometheus_within_two_scrapes(platform: Release, prometheus: Prometheus, fact):
    interval = seconds(up(prometheus, platform)["scrapeInterval"])
    ours = f'job="{platform.service}", namespace="{NAMESPACE}"'
    puts = 'path="/api/buckets/<id>", method="PUT", status="200"'
    counted = f"sum(http_request_count_total{{{ours}, {puts}}}) or vector(0)"
    time.sleep(interval + 1)  # let Prometheus scrape the earlier requests first
    before, sent = prometheus.value(counted), 7
    with platform.cluster.forward(platform.service, NAMESPACE, "http") as url:
        for number in range(sent):
            answer = requests.put(f"{url}/api/buckets/{number}", data=OBJECT, timeout=10)
            assert answer.status_code == 200
    started = time.monotonic()
    wait_for(lambda: prometheus.value(counted) == before + sent, 2 * interval, f"{sent} more in {counted}")
    elapsed = time.monotonic() - started
    fact(f"metrics: {sent} requests in Prometheus {elapsed:.1f} s later, scraped every {interval} s")


def test_prometheus_follows_the_metrics_to_a_separate_port(platform, prometheus: Prometheus, fact):
    """The NetworkPolicy then allows Prometheus on that port only."""
    values = copy.deepcopy(platform.values)
    values["storage-api"]["metrics"] = {"port": 9797}
    platform.upgrade(values)
    started = time.monotonic()

    def followed() -> bool:
        target = up(prometheus, platform)
        return bool(target) and target["scrapeUrl"].endswith(":9797/api/metrics")

    wait_for(followed, CONFIGURED_SECONDS, "the only target is up on port 9797")
    fact(f"separate metrics port: scraped {time.monotonic() - started:.1f} s after the upgrade")


def seconds(duration: str) -> int:
    """The seconds of a Prometheus duration with one unit, such as 10s or 1m."""
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_uninstall_leaves_what_is_documented(platform: Release, before: set[str]):
    """Check the namespace's contents, and the release's objects in other namespaces."""
    manifest = platform.helm("get", "manifest", platform.name).stdout
    kept = KEPT & {f"{item['kind'].lower()}s/{item['metadata']['name']}" for item in platform.objects()}
    platform.uninstall()
    wait_until(lambda: contents(platform.cluster) - before == kept, 60, f"only {kept} is left", every=1)
    look = ["get", "--filename=-", "--ignore-not-found", "--output=name"]
    found = platform.cluster.kubectl(*look, given=manifest).split()
    assert {name.replace("/", "s/", 1) for name in found} == kept


def test_a_new_install_finds_the_data(platform: Release):
    platform.install()
    with platform.cluster.forward(platform.service, NAMESPACE, "http") as url:
        answer = requests.get(f"{url}/api/buckets/3", timeout=10)
    assert (answer.status_code, answer.content) == (200, OBJECT)
