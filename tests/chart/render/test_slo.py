"""Service levels: what a few lines of values render, and which values are refused."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from lab import ROOT
from lab.render.chart import RenderError, load_yaml
from lab.render.helm import run_helm
from tests.support.documents import DOCUMENTS, variables

FIVE_LINES = """
checkout:
  namespace: shop
  preset: otel-http
  scrape: {port: http}
"""
ALERTS = {
    "CheckoutAvailabilityBudgetBurn",
    "CheckoutAvailabilityIndicatorBroken",
    "CheckoutDown",
    "CheckoutLatencyBudgetBurn",
    "CheckoutLatencyIndicatorBroken",
    "CheckoutMetricsMissing",
}
Template = Callable[[dict[str, Any]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def slo() -> Template:
    """Return a function that renders charts/slo on its own for these services."""

    def template(services: dict[str, Any], **values: Any) -> list[dict[str, Any]]:
        given = json.dumps({"services": services, **values})
        done = run_helm("template", "team", ROOT / "charts/slo", "-n", "team", "-f", "-", given=given)
        if done.returncode:
            raise RenderError(done.stderr)
        return [load_yaml(part) for part in done.stdout.split("\n---\n") if load_yaml(part)]

    return template


def names(objects):
    return {(o["kind"], o["metadata"]["name"]) for o in objects}


def rules(objects):
    found = [o for o in objects if o["kind"] == "PrometheusRule"]
    return [rule for o in found for group in o["spec"]["groups"] for rule in group["rules"]]


def test_five_lines_become_a_target_and_the_rules_of_a_service(slo):
    objects = slo(yaml.safe_load(FIVE_LINES))
    assert names(objects) == {
        ("ServiceMonitor", "team-slo-checkout"),
        ("PrometheusRule", "team-slo-checkout"),
        ("PrometheusRule", "team-workloads"),
    }
    (monitor,) = [o for o in objects if o["kind"] == "ServiceMonitor"]
    assert monitor["spec"] == {
        "namespaceSelector": {"matchNames": ["shop"]},
        "selector": {"matchLabels": {"app.kubernetes.io/name": "checkout"}},
        "endpoints": [
            {
                "port": "http",
                "path": "/metrics",
                "interval": "30s",
                "relabelings": [{"targetLabel": "job", "replacement": "checkout"}],
            }
        ],
    }
    assert {rule["alert"] for rule in rules(objects) if "alert" in rule} == ALERTS
    for rule in rules(objects):
        # The rules for all services of a namespace take the service from the series of its pods.
        label = rule["labels"].get("slo_service") or re.search(r'slo_service=~"(.*?)"', rule["expr"])[1]
        assert (rule["labels"]["namespace"], label) == ("shop", "checkout")
    assert all(len(g["rules"]) < 20 for o in objects for g in o["spec"].get("groups", ()))


def test_a_pod_monitor_scrapes_pods_without_a_service(slo):
    scrape = {
        "kind": "PodMonitor",
        "selector": {"app": "x"},
        "path": "/m",
        "scrapeTimeout": "5s",
        "honorLabels": True,
    }
    objects = slo({"checkout": {"preset": "grpc", "scrape": scrape}})
    (monitor,) = [o for o in objects if o["kind"] == "PodMonitor"]
    assert monitor["spec"]["selector"] == {"matchLabels": {"app": "x"}}
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert (endpoint["path"], endpoint["scrapeTimeout"], endpoint["honorLabels"]) == ("/m", "5s", True)


def test_an_existing_target_gets_rules_only(slo):
    service = {"preset": "promhttp", "scrape": {"kind": "existing"}, "match": {"job": "shop/checkout"}}
    objects = slo({"checkout": service})
    assert names(objects) == {("PrometheusRule", "team-slo-checkout"), ("PrometheusRule", "team-workloads")}
    assert 'up{job=\\"shop/checkout\\", namespace=\\"team\\"}' in json.dumps(objects)


def test_every_service_has_a_rule_object_of_its_own(slo):
    objects = slo({"a": {"preset": "grpc"}, "b": {"preset": "spring"}, "c": None})
    found = {name for kind, name in names(objects) if kind == "PrometheusRule"}
    assert found == {"team-slo-a", "team-slo-b", "team-workloads"}


@pytest.mark.parametrize("preset", load_yaml((ROOT / "charts/slo/files/presets.yaml").read_text()))
def test_every_preset_renders_rules_on_its_metrics(slo, preset):
    known = load_yaml((ROOT / "charts/slo/files/presets.yaml").read_text())[preset]["metrics"]
    latency = (
        {"threshold": known["bounds"][0] / (1000 if known["unit"] == "milliseconds" else 1)}
        if known["bounds"]
        else {}
    )
    text = json.dumps(rules(slo({"checkout": {"preset": preset, "slis": {"latency": latency}}})))
    assert f"{known['requests']}{{" in text
    assert (f"{known['duration']}_bucket{{" in text) == bool(known["duration"])


@pytest.mark.parametrize(
    ("requests", "counter"), [("d_seconds_count", "d_seconds"), ("jobs_count", "jobs_count")]
)
def test_beside_a_native_histogram_the_error_label_is_looked_for_on_the_metric_that_counts(
    slo, requests, counter
):
    """A native histogram has no series `_count`; a counter of its own may still be called so."""
    metrics = {"requests": requests, "errors": {"match": {"outcome": "failed"}}, "duration": "d_seconds"}
    found = rules(slo({"checkout": {"metrics": {**metrics, "durationType": "nativeHistogram"}}}))
    (broken,) = [r for r in found if r.get("alert") == "CheckoutAvailabilityIndicatorBroken"]
    assert f"group({counter}{{" in broken["expr"]


def test_values_of_the_service_win_over_its_preset(slo):
    metrics = {"requests": "my_requests_total", "errors": {"match": {"outcome": "failed"}}}
    text = json.dumps(rules(slo({"checkout": {"preset": "otel-http", "metrics": metrics}})))
    assert 'my_requests_total{job=\\"checkout\\", namespace=\\"team\\", outcome=\\"failed\\"}' in text
    assert "http_server_request_duration_seconds_count{job" not in json.dumps(
        [
            r
            for r in rules(slo({"checkout": {"preset": "otel-http", "metrics": metrics}}))
            if r["labels"].get("slo_indicator") == "availability"
        ]
    )
    assert "http_response_status_code=~" not in text


def test_each_namespace_has_one_group_for_the_workloads_of_all_its_services(slo, rendered):
    services = {name: {**HTTP, "namespace": name[0]} for name in ("shop-a", "shop-b", "team-a")}
    expected = {"s-workloads": "shop-a|shop-b", "t-workloads": "team-a"}
    own = {"observability-workloads": "platform-storage-api"}
    umbrella = rendered({"slo": {"services": services}}).ours
    for objects, found in ((slo(services), expected), (umbrella, expected | own)):
        (rule,) = [o for o in objects if o["metadata"]["name"].endswith("-workloads")]
        groups = {group["name"]: json.dumps(group) for group in rule["spec"]["groups"]}
        assert groups.keys() == found.keys()
        for name, text in groups.items():
            assert set(re.findall(r'slo_service=~\\"(.*?)\\"', text)) == {found[name]}
            assert set(re.findall(r'namespace=\\"(.*?)\\"', text)) == {name.removesuffix("-workloads")}


def test_workloads_can_be_left_out(slo, rendered):
    off = {"workloads": {"enabled": False}}
    assert names(slo({"a": {"preset": "grpc"}}, **off)) == {
        ("ServiceMonitor", "team-slo-a"),
        ("PrometheusRule", "team-slo-a"),
    }
    for values in ({"slo": off}, {"slo": {"services": {"storage-api": None}}}, {"slo": {"enabled": False}}):
        assert not [o for o in rendered(values).ours if o["metadata"]["name"].endswith("-workloads")]


def test_the_storage_api_is_watched_under_the_names_of_its_release(rendered):
    (rule,) = [
        o for o in rendered(release="other").ours
        if o["kind"] == "PrometheusRule" and o["metadata"]["name"].startswith("other-slo-")
    ]  # fmt: skip
    text = json.dumps(rule)
    assert rule["metadata"]["name"] == "other-slo-other-storage-api"
    assert 'up{job=\\"other-storage-api\\", namespace=\\"observability\\"}' in text
    assert "OtherStorageApiDown" in text


@pytest.mark.parametrize(
    "values",
    [
        {"slo": {"enabled": False}},
        {"slo": {"services": {"storage-api": None}}},
        {"storage-api": {"enabled": False}},
        {"storage-api": {"serviceMonitor": {"enabled": False}}},
        {"storage-api": {"replicas": 0}},
    ],
)
def test_a_storage_api_without_targets_has_no_service_levels(rendered, values):
    """Its alert for missing targets would never stop firing."""
    assert not [o for o in rendered(values).ours if "slo-platform" in o["metadata"]["name"]]


def test_the_storage_api_is_measured_without_its_histogram_too(rendered):
    values = {"storage-api": {"config": {"metricsDisabled": ["http_request_duration_seconds"]}}}
    text = json.dumps([o for o in rendered(values).ours if o["kind"] == "PrometheusRule"])
    assert "http_request_count_total{" in text
    assert "http_request_duration_seconds" not in text


def test_links_are_made_from_the_addresses_in_the_values(slo):
    monitoring = {"runbookUrl": "https://r.example/", "grafanaUrl": "https://g.example/"}
    values = {"global": {"monitoring": monitoring}}
    services = yaml.safe_load(FIVE_LINES)
    assert "dashboard_url" not in json.dumps(slo(services, **values))  # a link must lead somewhere
    services["checkout"]["dashboard"] = "shop-checkout"
    objects = slo(services, **values)
    for rule in (rule for rule in rules(objects) if "alert" in rule):
        annotations = rule["annotations"]
        assert annotations["runbook_url"] == f"https://r.example/{rule['labels']['runbook']}"
        assert (
            annotations["dashboard_url"]
            == "https://g.example/d/shop-checkout?var-namespace=shop&var-service=checkout"
        )


HTTP = {"preset": "otel-http"}


@pytest.mark.parametrize(
    ("services", "line"),
    [
        ({"a": {"preset": "foo"}}, 'services.a.preset: "foo" is unknown; use one of envoy, '),
        ({"a": {}}, "services.a.metrics.requests: empty; set it to the counter of all requests"),
        ({"a": {}}, "services.a.metrics.errors: empty; set labels that only failed requests have"),
        ({"a-b": HTTP, "ab": HTTP}, "services.ab: its alert names would differ from those of a-b at most in"),
        ({"A": HTTP}, "'A' does not match pattern"),
        ({"a": {**HTTP, "objective": 99}}, "at '/services/a': additional properties 'objective' not allowed"),
        *[
            (
                {"a": {**HTTP, "slis": {"availability": {"objective": objective}}}},
                f"services.a.slis.availability.objective: {objective} is not allowed; use a percentage",
            )
            for objective in (0, 100, "100.0", 250)
        ],
        ({"a": {**HTTP, "slis": {"availability": {"objective": "99,9"}}}}, "does not match pattern"),
        (
            {"a": {**HTTP, "slis": {"latency": {"threshold": 0.3}}}},
            "a.slis.latency.threshold: the histogram has no bucket at 0.3 s; use one of its bounds (",
        ),
        (
            {"a": {"preset": "otel-http-old", "slis": {"latency": {"threshold": 500}}}},
            "a.slis.latency.threshold: the histogram has no bucket at 500 s; use one of its bounds (",
        ),
        ({"a": {**HTTP, "slis": {"latency": {"threshold": 0}}}}, "use seconds above 0, such as 0.5"),
        (
            {"a": {**HTTP, "metrics": {"durationType": "summary"}, "slis": {"latency": {"enabled": True}}}},
            "services.a.slis.latency.enabled: true, but http_server_request_duration_seconds is a summary",
        ),
        (
            {"a": {"preset": "promhttp", "slis": {"latency": {"enabled": True}}}},
            "services.a.slis.latency.enabled: true, but there is no histogram; set metrics.duration",
        ),
        (
            {"a": {"preset": "grpc", "version": {"metric": "app_info"}}},
            "services.a.version.label: empty; set it to the label of app_info that has the version, or leave",
        ),
        (
            {"a": {"preset": "grpc", "version": {"label": "tag"}}},
            "services.a.version.metric: empty; set it to the metric that has the label tag, or leave",
        ),
        ({"a": {**HTTP, "version": {"label": "a-b"}}}, "at '/services/a/version/label'"),
        ({"a": {**HTTP, "workload": "Check_out"}}, "at '/services/a/workload'"),
        (
            {"a": {**HTTP, "metrics": {"duration": "x_seconds_bucket"}}},
            "services.a.metrics.duration: x_seconds_bucket is one series of a histogram; set the name",
        ),
        (
            {"a": {"preset": "grpc", "slis": {"latency": {"excludeErrors": True}}}},
            "services.a.slis.latency.excludeErrors: true, but grpc_server_handling_seconds lacks the label",
        ),
        (
            {
                "a": {
                    **HTTP,
                    "metrics": {"errors": {"match": {"x": "1", "y": "2"}}},
                    "slis": {"latency": {"excludeErrors": True}},
                }
            },
            "services.a.slis.latency.excludeErrors: true, but metrics.errors has several matchers",
        ),
        (
            {"a": {**HTTP, "slis": {"availability": {"enabled": False}, "latency": {"enabled": False}}}},
            "services.a.slis: no indicator is enabled",
        ),
        (
            {"a": {**HTTP, "regexMatch": {"x": "^y"}}},
            'services.a.regexMatch.x: "^y" has an anchor; leave out',
        ),
        ({"a": {**HTTP, "excludeRegex": {"x": "y$"}}}, 'services.a.excludeRegex.x: "y$" has an anchor'),
        (
            {"a": {**HTTP, "metrics": {"errors": {"regexMatch": {"x": "5..$"}}}}},
            "services.a.metrics.errors.regexMatch.x: ",
        ),
        ({"a": {**HTTP, "regexMatch": {"a-b": "x"}}}, "'a-b' does not match pattern"),
        (
            {"a": {**HTTP, "match": {"job": "b"}}},
            'services.a.match.job: "b", but the ServiceMonitor of this chart sets the job label to a',
        ),
        (
            {"a": {**HTTP, "scrape": {"interval": "5s", "scrapeTimeout": "10s"}}},
            "services.a.scrape.scrapeTimeout: 10s is longer than the interval of 5s; use at most",
        ),
    ],
)
def test_services_that_cannot_work_are_refused_with_their_path(slo, services, line):
    with pytest.raises(RenderError) as refused:
        slo(services)
    assert line in str(refused.value)


@pytest.mark.parametrize(
    ("rates", "line"),
    [
        (
            {"long": "5m", "short": "1h", "budgetPercent": 2},
            "burnRates.critical[0].short: 1h is not shorter than the long window of 5m",
        ),
        (
            {"long": "30d", "short": "1h", "budgetPercent": 2},
            "burnRates.critical[0].long: 30d is not shorter than the period of 30d",
        ),
        ({"long": "1h", "short": "5m", "budgetPercent": 0}, "/burnRates/critical/0/budgetPercent"),
        ({"long": "1h", "short": "5m"}, "missing property 'budgetPercent'"),
    ],
)
def test_windows_that_cannot_work_are_refused_with_their_path(slo, rates, line):
    with pytest.raises(RenderError) as refused:
        slo({"a": HTTP}, burnRates={"critical": [rates]})
    assert line in str(refused.value)


def test_the_umbrella_names_the_path_below_slo(rendered):
    with pytest.raises(RenderError, match=r"slo\.services\.a\.preset: \"foo\" is unknown"):
        rendered({"slo": {"services": {"a": {"preset": "foo"}}}})


def test_a_retention_shorter_than_a_window_is_refused(rendered):
    spec = {"prometheus": {"prometheusSpec": {"retention": "2d12h"}}}
    with pytest.raises(RenderError, match=r"retention: 2d12h is shorter than 3d, the longest window"):
        rendered({"kube-prometheus-stack": spec})


@pytest.mark.parametrize(("selector", "kind"), [("rule", "PrometheusRules"), ("podMonitor", "PodMonitors")])
def test_selectors_that_ignore_the_services_objects_are_refused(rendered, selector, kind):
    spec = {"prometheus": {"prometheusSpec": {f"{selector}Selector": {"matchLabels": {"team": "a"}}}}}
    services = {"a": {**HTTP, "scrape": {"kind": "PodMonitor"}}}
    with pytest.raises(RenderError, match=rf"{selector}Selector: does not match the {kind} of slo\.services"):
        rendered({"kube-prometheus-stack": spec, "slo": {"services": services}})


@pytest.mark.parametrize("name", ["platform-storage-api", "platformstorage-api"])
def test_a_service_named_like_the_storage_api_of_the_release_is_refused(rendered, name):
    with pytest.raises(RenderError, match=rf"slo\.services\.{name}: its alert names would differ at most"):
        rendered({"slo": {"services": {name: HTTP}}})


def test_alerts_link_to_dashboards_of_the_chart_and_set_their_variables(rendered):
    services = {"checkout": {**HTTP, "namespace": "shop"}}
    monitoring = {"grafanaUrl": "https://g.example"}
    render = rendered({"global": {"monitoring": monitoring}, "slo": {"services": services}})
    shipped = {document["uid"]: variables(document) for document in DOCUMENTS.values()}
    found = set()
    for rule in (rule for rule in rules(render.ours) if "alert" in rule):
        address, _, query = rule["annotations"]["dashboard_url"].partition("?")
        uid = address.removeprefix("https://g.example/d/")
        set_to = dict(pair.split("=") for pair in query.split("&"))
        assert {name.removeprefix("var-") for name in set_to} == shipped[uid].keys() - {"datasource"}
        found.add((uid.removeprefix("observability-platform-"), *set_to.values()))
    assert found == {
        ("service", "shop", "checkout"),
        ("storage-api", "observability", "platform-storage-api"),
        ("platform", "{{ $labels.job }}"),
    }
