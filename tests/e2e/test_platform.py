"""The packaged chart on its defaults: installed, seen by Prometheus, removed, found again; steps in order."""

import copy
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from lab import ROOT, toolchain
from lab.clients import Prometheus
from lab.render import workload
from lab.render.chart import render_chart
from lab.render.stack import Stack
from lab.servers import prometheus as prometheus_config
from tests.e2e.conftest import NAMESPACE
from tests.support.cluster.cluster import Cluster, Object, Release, is_ready, run, wait_for
from tests.support.cluster.monitoring import Monitoring, mode

# The operator notices, writes, the file reaches the pod; its reloader looks after 3 minutes at the latest.
CONFIGURED_SECONDS = 220
# What stays when a release goes, as the values say: the objects, and Grafana's password.
KEPT = {"persistentvolumeclaims/platform-storage-api", "secrets/observability-platform-grafana-admin"}
OBJECT = bytes(range(256))


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> set[str]:
    """What the namespace holds before anything is installed."""
    cluster.create_namespace(NAMESPACE)
    wait_for(lambda: "configmaps/kube-root-ca.crt" in contents(cluster), 30, "a namespace's own objects")
    return contents(cluster)


@pytest.fixture(scope="module")
def release(cluster: Cluster, chart: Path, image_values: Object, monitoring: Monitoring, before) -> Release:
    """Not installed yet. Beside what the cluster asks for, and VALUES, all is as people install it."""
    values = {
        "alerting": {
            "enabled": monitoring.alertmanager,
            "receivers": [{"name": "default", "webhookConfigs": [{"url": "https://alerts.example.com"}]}],
        },
        "storage-api": {"image": image_values},
    }
    if mode() == "bundled":
        # Node metrics need what PodSecurity `restricted` forbids.
        values["kube-prometheus-stack"] = {"nodeExporter": {"enabled": False}}
        presets = []
    else:
        values["global"] = {"monitoring": {"labels": monitoring.labels}}
        values["tests"] = {"prometheusUrl": monitoring.prometheus_url}
        if monitoring.alertmanager:
            values["tests"]["alertmanagerUrl"] = monitoring.alertmanager_url
        presets = [ROOT / "ci/byo-operator-values.yaml"]
    files = (*presets, *map(Path, os.environ.get("VALUES", "").split()))
    return Release(cluster, "platform", NAMESPACE, chart, files, values)


@pytest.fixture(scope="module")
def platform(release: Release, fact) -> Release:
    began = time.monotonic()
    release.install()
    fact(f"install: ready after {time.monotonic() - began:.1f} s")
    return release


@pytest.fixture(scope="module")
def prometheus(platform: Release, monitoring: Monitoring) -> Iterator[Prometheus]:
    with platform.cluster.forward("prometheus-operated", monitoring.namespace, 9090) as url:
        yield Prometheus(url)


def contents(cluster: Cluster) -> set[str]:
    """Everything that the namespace holds, but for what Kubernetes derives by itself."""
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
    """Those that an operator makes too, which helm does not wait for."""

    def all_ready() -> bool:
        pods = platform.cluster.get("pods", namespace=NAMESPACE)["items"]
        return bool(pods) and all(map(is_ready, pods))

    wait_for(all_ready, CONFIGURED_SECONDS, "every pod is ready")


def test_helm_test_is_green(platform: Release, fact):
    hooks = platform.helm("get", "hooks", platform.name).stdout
    assert "helm.sh/hook: test" in hooks, "the chart has no tests"
    began = time.monotonic()
    said = platform.test()
    passed = len(re.findall(r"^Phase: +Succeeded", said, re.MULTILINE))
    assert passed, said
    fact(f"helm test: {passed} succeeded in {time.monotonic() - began:.1f} s")


def test_prometheus_has_our_target_up(platform: Release, prometheus: Prometheus, fact):
    began = time.monotonic()
    target = wait_for(lambda: up(prometheus, platform), CONFIGURED_SECONDS, "the target is up")
    assert target["labels"]["namespace"] == NAMESPACE
    fact(f"target: up {time.monotonic() - began:.1f} s later, labels {', '.join(sorted(target['labels']))}")


def up(prometheus: Prometheus, release: Release) -> Object | None:
    """Our one target, once it is up."""
    ours = [t for t in prometheus.targets() if t["labels"].get("job") == release.service]
    return ours[0] if len(ours) == 1 and ours[0]["health"] == "up" else None


def test_prometheus_has_our_rules_healthy(platform: Release, prometheus: Prometheus, fact):
    written = [
        rule.get("record") or rule["alert"]
        for item in platform.objects()
        if item["kind"] == "PrometheusRule" and item["metadata"]["name"].startswith(platform.service)
        for group in item["spec"]["groups"]
        for rule in group["rules"]
    ]
    assert written

    def healthy() -> bool:
        loaded = [r["name"] for r in prometheus.rules() if r["health"] == "ok"]
        return all(loaded.count(name) == written.count(name) for name in written)

    wait_for(healthy, CONFIGURED_SECONDS, f"healthy rules: {', '.join(written)}")
    fact(f"rules: {len(written)} loaded and healthy")


def test_the_operator_configures_what_the_lab_derives(platform: Release, prometheus, monitoring: Monitoring):
    """Intervals, path, labels and rules: the lab's processes show what a cluster shows."""
    files = platform.value_files
    render = render_chart(platform.values, value_files=files, release=platform.name, namespace=NAMESPACE)
    stack = Stack.of(render, platform.name, NAMESPACE)
    pod = workload.find(render, {"http": "127.0.0.1:1", "metrics": "127.0.0.1:2"}).pod
    lab = prometheus_config.build(render, stack, [pod], [], "127.0.0.1:3")
    operator = {job["job_name"]: job for job in monitoring.configuration()["scrape_configs"]}
    assert lab.main["scrape_configs"]
    for ours in lab.main["scrape_configs"]:
        theirs = operator[ours["job_name"]]
        same = ours.keys() - {"static_configs", "relabel_configs"}
        assert {key: theirs.get(key) for key in same} == {key: ours[key] for key in same}
        # Theirs also choose among all that was discovered; ours must be there, in this order.
        rest = iter([plain(rule) for rule in theirs["relabel_configs"]])
        assert [rule for rule in ours["relabel_configs"] if plain(rule) not in rest] == []
        seen = up(prometheus, platform)["labels"]
        assert {name: value for name, value in seen.items() if name != "instance"} == labels(ours)
    files = monitoring.rule_files()
    for name, ours in lab.rules.items():
        theirs = [file for file in files if file.startswith(name.removesuffix(".yaml") + "-")]
        assert [files[file] for file in theirs] == [ours]


def plain(rule: Object) -> Object:
    """A relabeling without what Prometheus assumes anyway."""
    assumed = {"action": ("replace",), "separator": (";",), "regex": ("(.*)",), "replacement": ("$1", "${1}")}
    return {key: value for key, value in rule.items() if value not in assumed.get(key, ())}


def labels(job: Object) -> dict[str, str]:
    """What a job of the lab makes of its one target's labels; its relabelings copy, or give a constant."""
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
    time.sleep(interval + 1)  # What was asked before is in the count, too.
    before, sent = prometheus.value(counted), 7
    with platform.cluster.forward(platform.service, NAMESPACE, "http") as url:
        for number in range(sent):
            answer = requests.put(f"{url}/api/buckets/{number}", data=OBJECT, timeout=10)
            assert answer.status_code == 200
    began = time.monotonic()
    wait_for(lambda: prometheus.value(counted) == before + sent, 2 * interval, f"{sent} more in {counted}")
    elapsed = time.monotonic() - began
    fact(f"metrics: {sent} requests in Prometheus {elapsed:.1f} s later, scraped every {interval} s")


def test_prometheus_follows_the_metrics_to_a_port_of_their_own(platform, prometheus: Prometheus, fact):
    """Through the NetworkPolicy, that lets it in there alone."""
    values = copy.deepcopy(platform.values)
    values["storage-api"]["metrics"] = {"port": 9797}
    platform.upgrade(values)
    began = time.monotonic()

    def followed() -> bool:
        target = up(prometheus, platform)
        return bool(target) and target["scrapeUrl"].endswith(":9797/api/metrics")

    wait_for(followed, CONFIGURED_SECONDS, "the one target is up at port 9797")
    fact(f"metrics apart: scraped there {time.monotonic() - began:.1f} s after the upgrade")


def seconds(duration: str) -> int:
    """A duration of Prometheus with one unit, such as 10s."""
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_uninstall_leaves_what_is_documented(platform: Release, before: set[str]):
    """Of the namespace's contents, and of the release's own objects wherever they are."""
    manifest = platform.helm("get", "manifest", platform.name).stdout
    kept = KEPT & {f"{item['kind'].lower()}s/{item['metadata']['name']}" for item in platform.objects()}
    platform.uninstall()
    deadline = time.monotonic() + 60
    while (left := contents(platform.cluster) - before) != kept and time.monotonic() < deadline:
        time.sleep(1)
    assert left == kept
    look = ["get", "--filename=-", "--ignore-not-found", "--output=name"]
    found = platform.cluster.kubectl(*look, given=manifest).split()
    assert {name.replace("/", "s/", 1) for name in found} == kept


def test_a_new_install_finds_the_data(platform: Release):
    platform.install()
    with platform.cluster.forward(platform.service, NAMESPACE, "http") as url:
        answer = requests.get(f"{url}/api/buckets/3", timeout=10)
    assert (answer.status_code, answer.content) == (200, OBJECT)
