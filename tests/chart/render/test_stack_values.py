"""Values of the bundled stack that our templates read: the chart adapts to each one or refuses it."""

import json
import re

import pytest

from lab import ROOT
from lab.render.chart import RenderError, load_yaml, render_chart
from tests.support.chart import stack_draws
from tests.support.chart.alerting import ALERTING
from tests.support.chart.notes import notes
from tests.support.chart.wiring import faults

STACK = "kube-prometheus-stack"
PREFIX = "observability-platform"
ALERTED = {"alerting": ALERTING}


def environment(render, part):
    (pod,) = [o for o in render.ours if o["metadata"]["name"] == f"platform-test-{part}"]
    return {each["name"]: each for each in pod["spec"]["containers"][0]["env"]}


def refusal(values, **options):
    with pytest.raises(RenderError) as refused:
        render_chart(values, **options)
    return str(refused.value).split("; kube-")


# --- defaults of the dependency -----------------------------------------------------------------------


def test_our_copy_of_the_stacks_defaults_is_up_to_date(rendered, needs_package):
    given = rendered().values[STACK]
    for path, default in stack_draws.leaves(stack_draws.defaults()):
        found = given
        for key in path:
            found = found.get(key, {})
        # An empty default may be missing there, and maps may have more keys.
        assert found == default or (default in ({}, "") and isinstance(found, dict)), path


def test_every_known_default_is_drawn_and_read_by_a_template(rendered):
    assert list(stack_draws.settings())  # raises KeyError for a value without draws
    templates = "".join(path.read_text() for path in (ROOT / "templates").rglob("*") if path.is_file())
    for path, _ in stack_draws.leaves(stack_draws.defaults()):
        # The templates put the names of selectors together from parts.
        names = [path[-1], path[-1].removesuffix("NamespaceSelector"), path[-1].removesuffix("Selector")]
        assert any(re.search(rf"\b{re.escape(name)}\b", templates) for name in names), path


def test_our_values_repeat_no_known_default():
    ours = load_yaml((ROOT / "values.yaml").read_text())[STACK]
    for path, _ in stack_draws.leaves(stack_draws.defaults()):
        found = ours
        for key in path:
            found = found.get(key, {}) if isinstance(found, dict) else {}
        assert found == {}, path


# --- values that the chart adapts to ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "part", "address"),
    [
        ({}, "prometheus", "prometheus.observability:9090"),
        ({}, "alertmanager", "alertmanager.observability:9093"),
        ({}, "grafana", "grafana.observability:80"),
        ({"namespaceOverride": "mm"}, "prometheus", "prometheus.mm:9090"),
        ({"namespaceOverride": "mm"}, "alertmanager", "alertmanager.mm:9093"),
        ({"namespaceOverride": "mm"}, "grafana", "grafana.observability:80"),
        ({"prometheus": {"namespaceOverride": "mm"}}, "prometheus", "prometheus.observability:9090"),
        ({"grafana": {"namespaceOverride": "gg"}}, "grafana", "grafana.gg:80"),
        ({"prometheus": {"service": {"port": 80}}}, "prometheus", "prometheus.observability:80"),
        (
            {"prometheus": {"prometheusSpec": {"routePrefix": "/p/"}}},
            "prometheus",
            "prometheus.observability:9090/p",
        ),
        (
            {"alertmanager": {"alertmanagerSpec": {"routePrefix": "/am"}}},
            "alertmanager",
            "alertmanager.observability:9093/am",
        ),
        (
            {
                "grafana": {
                    "grafana.ini": {
                        "server": {"root_url": "%(protocol)s://%(domain)s/g/", "serve_from_sub_path": True}
                    }
                }
            },
            "grafana",
            "grafana.observability:80/g",
        ),
        (
            {"grafana": {"grafana.ini": {"server": {"root_url": "https://a.example/g"}}}},
            "grafana",
            "grafana.observability:80",
        ),
        (
            {
                "grafana": {
                    "env": {
                        "GF_SERVER_ROOT_URL": "https://a.example/g",
                        "GF_SERVER_SERVE_FROM_SUB_PATH": "true",
                    }
                }
            },
            "grafana",
            "grafana.observability:80/g",
        ),
    ],
)
def test_helm_tests_and_notes_have_the_address_of_each_part(rendered, values, part, address):
    render = rendered({STACK: values})
    assert environment(render, part)["URL"]["value"] == f"http://{PREFIX}-{address}"
    name, namespace, port, path = re.fullmatch(r"(\w+)\.(\w+):(\d+)(.*)", address).groups()
    text = notes({STACK: values})
    line = rf"--namespace {namespace} port-forward service/{PREFIX}-{name} (\d+):{port}\n"
    (local,) = re.findall(line, text)
    assert re.search(rf"http://localhost:{local}{path}[,\n]", text)
    assert faults(render, "platform", "observability") == []


def test_the_secret_of_grafana_has_the_keys_and_namespace_of_the_values(rendered):
    admin = {"userKey": "user", "passwordKey": "pass"}
    values = {STACK: {"grafana": {"namespaceOverride": "gg", "admin": admin}}}
    render = rendered(values)
    (secret,) = render.find("Secret", f"{PREFIX}-grafana-admin")
    assert (secret["metadata"]["namespace"], secret["data"].keys()) == ("gg", {"user", "pass"})
    asked = environment(render, "grafana")
    assert asked["USERNAME"]["valueFrom"]["secretKeyRef"]["key"] == "user"
    assert asked["PASSWORD"]["valueFrom"]["secretKeyRef"]["key"] == "pass"
    (pod,) = render.find("Pod", "platform-test-grafana")
    assert pod["metadata"]["namespace"] == "gg"  # a pod can read only Secrets of its own namespace
    command = rf"--namespace gg get secret {PREFIX}-grafana-admin .*\"user\".*\"pass\""
    assert re.search(command, notes(values))


def test_our_alertmanagerconfig_is_in_the_namespace_of_alertmanager(rendered):
    """In another namespace it would get only the alerts of that namespace."""
    render = rendered({**ALERTED, STACK: {"namespaceOverride": "mm"}})
    (config,) = [o for o in render.ours if o["kind"] == "AlertmanagerConfig"]
    assert config["metadata"]["namespace"] == "mm"
    expected = json.loads(environment(render, "alertmanager")["EXPECTED"]["value"])
    assert "mm/platform/default" in expected["receivers"]


@pytest.mark.parametrize(
    "values",
    [
        {"tplConfig": True},
        {"alertmanagerSpec": {"useExistingSecret": True}},
        {"alertmanagerSpec": {"alertmanagerConfiguration": {"name": "whole"}}},
    ],
)
def test_receivers_of_a_configuration_outside_the_values_are_not_expected(rendered, values):
    render = rendered({STACK: {"alertmanager": values}})
    assert json.loads(environment(render, "alertmanager")["EXPECTED"]["value"]) == {"receivers": []}


def test_the_notes_name_the_labels_that_a_namespace_needs():
    selector = {"serviceMonitorNamespaceSelector": {"matchLabels": {"monitoring": "on"}}}
    values = {STACK: {"prometheus": {"prometheusSpec": selector}}}
    assert "give the namespace observability the labels that they require" in notes(values)


# --- refused values and alternatives ------------------------------------------------------------------


ELSEWHERE = {
    "prometheus": {
        "prometheusSpec": {"alertingEndpoints": [{"name": "a", "namespace": "am", "port": "web"}]}
    },
    "grafana": {"sidecar": {"datasources": {"alertmanager": {"url": "http://a.am:9093"}}}},
}


def spec(**values):
    return {"prometheus": {"prometheusSpec": values}}


@pytest.mark.parametrize(
    "values",
    [
        {"alertmanager": {"namespaceOverride": "observability"}},
        {"alertmanager": {"namespaceOverride": "mm"}, "namespaceOverride": "mm"},
        {"alertmanager": {"namespaceOverride": "am"}, **ELSEWHERE},
        {"alertmanager": {"enabled": False}, **spec(alertingEndpoints=[{"name": "a", "namespace": "b"}])},
        spec(serviceMonitorSelector={"matchLabels": {"release": "{{ .Release.Name }}"}}),
        spec(serviceMonitorSelector={"matchExpressions": [{"key": "release", "operator": "Exists"}]}),
        spec(serviceMonitorNamespaceSelector={"matchLabels": {"monitoring": "on"}}),
        spec(serviceMonitorSelectorNilUsesHelmValues=True, ruleSelectorNilUsesHelmValues=True),
        {"grafana": {"sidecar": {"dashboards": {"searchNamespace": "a,observability"}}}},
        {"grafana": {"sidecar": {"dashboards": {"searchNamespace": ["observability"]}}}},
        {"grafana": {"sidecar": {"dashboards": {"searchNamespace": None}}}},
        {"grafana": {"sidecar": {"dashboards": {"labelValue": ""}}}},
        {"grafana": {"rbac": {"namespaced": True, "namespaces": ["a"]}}},
        {
            "grafana": {
                "namespaceOverride": "gg",
                "rbac": {"namespaced": True, "namespaces": ["observability"]},
            }
        },
        {"prometheusOperator": {"namespaces": {"releaseNamespace": True}}},
    ],
)
def test_supported_combinations_of_stack_values_render(rendered, values):
    render = rendered({**ALERTED, STACK: values})
    assert faults(render, "platform", "observability") == []


def test_gitops_refuses_a_generated_token(rendered):
    given = {"adminPassword": "given", "imageRenderer": {"enabled": True}}
    values = {"global": {"gitops": True}, STACK: {"grafana": given}}
    (line,) = refusal(values)
    assert line.startswith(f"{STACK}.grafana.imageRenderer.existingSecret: empty, but with global.gitops")
    given["imageRenderer"]["existingSecret"] = "mine"
    rendered(values)


def test_disabled_dashboards_put_no_demands_on_the_sidecar(rendered):
    sidecar = {"dashboards": {"enabled": False, "searchNamespace": "other", "resource": "secret"}}
    home = {"users": {"home_page": ""}}
    rendered(
        {"dashboards": {"enabled": False}, STACK: {"grafana": {"sidecar": sidecar, "grafana.ini": home}}}
    )
