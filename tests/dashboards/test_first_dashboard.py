"""The panels of the dashboard "Storage API" show the numbers that the client counted itself."""

import math
import statistics

import pytest
import requests

from tests.support.drill import FAILED, HELD, TAKEN, THREADS

pytestmark = pytest.mark.live

TOLERANCE = 0.15


def is_monitored(service) -> bool:
    return service["metadata"]["labels"]["app.kubernetes.io/component"] == "api"


def mean(series) -> float:
    return statistics.fmean(float(value) for _, value in series["values"])


def test_every_request_got_a_response(proof):
    assert proof.report.complete
    assert set(proof.report.counts) == {("PUT", "200"), ("GET", "200"), ("DELETE", "200")}
    assert set(proof.statuses) == {"200", "400", "404", "405", "503"}


def test_the_request_rate_matches_the_client(proof):
    (series,) = proof.panel("Request Rate")
    sent = proof.report.requests + proof.refused.total()
    assert mean(series) == pytest.approx(sent / proof.report.seconds, rel=TOLERANCE)


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE", "_OTHER"])
def test_the_rate_by_method_matches_the_client(proof, method):
    (series,) = [s for s in proof.panel("Request Rate by Method") if s["metric"]["method"] == method]
    counts = proof.report.counts + proof.refused
    sent = sum(count for (name, _), count in counts.items() if name == method)
    assert mean(series) == pytest.approx(sent / proof.report.seconds, rel=TOLERANCE)


def test_the_counts_by_status_are_exact(proof):
    found = proof.counts("HTTP Status Codes", "status")
    assert {status: count for (status,), count in found.items()} == dict(proof.statuses)


def test_the_status_panel_shows_each_status_at_its_rate(proof):
    rates = {s["metric"]["status"]: mean(s) for s in proof.panel("HTTP Status Codes")}
    steady = set(proof.report.by_status()) | {status for _, status in proof.refused}
    assert set(rates) == steady, "the panel must show exactly the statuses that were sent"
    assert rates["200"] == pytest.approx(proof.report.rate, rel=TOLERANCE)


def test_the_mean_duration_is_below_the_clients_latency(proof):
    found = {
        s["metric"]["method"]: mean(s)
        for s in proof.panel("Average HTTP Request Duration")
        if s["metric"]["path"] == "/api/buckets/<id>"
    }
    for (method, _), waited in proof.report.latencies.items():
        assert 0 < found[method] < statistics.fmean(waited)


def test_the_stored_objects_and_bytes_match_the_client(proof):
    stored = {"Objects Stored": len(proof.kept), "Bytes Stored": sum(map(len, proof.kept.values()))}
    for title, expected in stored.items():
        expression = proof.expression(proof.query(title).expression)
        assert proof.platform.prometheus.value(expression) == expected


def test_the_counts_of_store_operations_by_outcome_are_exact(proof):
    sent = proof.report.counts + proof.refused
    assert proof.counts("Store Operations", "operation", "outcome") == {
        ("put", "success"): sent["PUT", "200"] + len(proof.kept),
        ("get", "success"): sent["GET", "200"] + HELD,
        ("get", "missing"): sent["GET", "404"],
        ("get", "error"): FAILED,
        ("delete", "success"): sent["DELETE", "200"],
        ("delete", "missing"): sent["DELETE", "400"],
    }


def values(series) -> list[float]:
    return [float(value) for _, value in series["values"]]


def test_the_drill_shows_in_busy_threads(proof):
    (series,) = proof.panel("Threads Busy", proof.drill)
    assert TAKEN / THREADS in values(series)
    assert max(values(series)) == 1


def test_requests_without_a_free_thread_show_as_waiting(proof):
    (series,) = proof.panel("Requests Waiting", proof.drill)
    assert max(values(series)) == HELD - (THREADS - TAKEN)


def test_every_panel_returns_data(proof):
    queries = list(proof.dashboard.queries())
    assert queries
    empty = []
    for query in queries:
        found = proof.platform.prometheus.query_range(
            proof.expression(query.expression), proof.steady.start, proof.steady.end, 1
        )
        if not any(math.isfinite(float(value)) for series in found for _, value in series["values"]):
            empty.append(f"{query.panel} {query.ref}: {query.expression}")
    assert empty == []


def test_the_dashboard_opens_on_our_namespace_and_job(proof):
    values = proof.dashboard.resolve(proof.platform.prometheus)
    (service,) = [o for o in proof.render.ours if o["kind"] == "Service" and is_monitored(o)]
    assert values == {"namespace": service["metadata"]["namespace"], "job": service["metadata"]["name"]}


def test_every_rule_is_loaded_and_healthy(proof):
    rendered = [
        rule.get("alert") or rule["record"]
        for o in proof.render.ours
        if o["kind"] == "PrometheusRule"
        for group in o["spec"]["groups"]
        for rule in group["rules"]
    ]
    rules = proof.platform.prometheus.rules()
    assert sorted(rule["name"] for rule in rules) == sorted(rendered)
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def test_every_recording_rule_returns_data(proof):
    names = {rule["name"] for rule in proof.platform.prometheus.rules() if rule["type"] == "recording"}
    assert names
    assert {name for name in names if not proof.platform.prometheus.query(name)} == set()


def test_no_alert_fires_on_a_healthy_platform(proof):
    assert proof.platform.prometheus.query('ALERTS{alertstate="firing"}') == []
    assert proof.platform.alertmanager.alerts() == []


def test_the_targets_are_up_and_labelled_as_in_a_cluster(proof):
    targets = proof.platform.prometheus.targets()
    assert {target["health"] for target in targets} == {"up"}
    address = proof.platform.service_url.removeprefix("http://")
    (ours,) = [target["labels"] for target in targets if target["labels"]["instance"] == address]
    (service,) = [o for o in proof.render.ours if o["kind"] == "Service" and is_monitored(o)]
    (workload,) = [o for o in proof.render.ours if o["kind"] in ("Deployment", "StatefulSet")]
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert ours == {
        "namespace": service["metadata"]["namespace"],
        "service": service["metadata"]["name"],
        "job": service["metadata"]["name"],
        "pod": f"{workload['metadata']['name']}-0",
        "container": container["name"],
        "endpoint": service["spec"]["ports"][0]["name"],
        "instance": address,
    }


def test_prometheus_sends_its_alerts_to_our_alertmanager(proof):
    found = proof.platform.prometheus.get("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    assert [one["url"] for one in found] == [f"{proof.platform.alertmanager.url}/api/v2/alerts"]


@pytest.mark.parametrize("encoding", ["identity", "gzip", "gzip, deflate, br"])
def test_both_servers_serve_their_web_page(proof, encoding):
    for server in (proof.platform.prometheus, proof.platform.alertmanager):
        answer = requests.get(server.url, headers={"Accept-Encoding": encoding}, timeout=5, stream=True)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.raw.read()
