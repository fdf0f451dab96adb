"""The lab's copy of facts about kube-prometheus-stack matches the real package."""

import tarfile

import pytest

from lab.render import self_monitoring
from lab.render.chart import DEPENDENCY, dependency_package, load_yaml, render_chart
from lab.render.stack import _DEFAULTS, Stack, _merge, matches


@pytest.fixture(scope="module")
def real_render(needs_package):
    return render_chart()


def differences(ours, theirs, path="") -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [line for key in ours for line in differences(ours[key], theirs.get(key), f"{path}.{key}")]
    return [] if ours == theirs or not (ours or theirs) else [f"{path}: {ours!r} is {theirs!r} there"]


def test_known_defaults_match_the_package(real_render):
    with tarfile.open(dependency_package()) as package:
        stack, grafana = (
            load_yaml(package.extractfile(f"{DEPENDENCY}/{path}values.yaml").read().decode())
            for path in ("", "charts/grafana/")
        )
    assert (
        differences(load_yaml(_DEFAULTS.read_text()), {**stack, "grafana": _merge(grafana, stack["grafana"])})
        == []
    )


def test_self_monitoring_matches_the_rendered_package(real_render):
    stack = Stack.of(real_render)
    for ours in self_monitoring.objects(stack):
        (theirs,) = real_render.find(ours["kind"], ours["metadata"]["name"])
        assert theirs["metadata"]["namespace"] == ours["metadata"]["namespace"]
        assert ours["metadata"]["labels"].items() <= theirs["metadata"]["labels"].items()
        if ours["kind"] == "ServiceMonitor":
            assert theirs["spec"]["selector"] == ours["spec"]["selector"]
            assert theirs["spec"]["endpoints"][0]["port"] == ours["spec"]["endpoints"][0]["port"]
        else:
            assert theirs["spec"]["ports"][0]["name"] == ours["spec"]["ports"][0]["name"]


def test_pod_names_match_the_rendered_package(real_render):
    names = {
        pod.name
        for pod in self_monitoring.pods(Stack.of(real_render), dict.fromkeys(self_monitoring.COMPONENTS, ""))
    }
    expected = {
        f"{kind.lower()}-{o['metadata']['name']}-0"
        for kind in ("Prometheus", "Alertmanager")
        for o in real_render.find(kind)
    }
    assert names == expected


@pytest.mark.parametrize(
    "override, fullname",
    [
        ("observability-platform", "observability-platform"),
        ("a-name-that-is-cut-after-26-characters", "a-name-that-is-cut-after-2"),
        ("a-name-that-ends-in-a-dash-here", "a-name-that-ends-in-a-dash"),
        ("", "platform-kube-prometheus-s"),
    ],
)
def test_long_names_are_shortened_as_the_dependency_does(render, override, fullname):
    stack = Stack.of(render)
    assert (
        Stack({**stack.values, "fullnameOverride": override}, "observability", "platform").fullname
        == fullname
    )


@pytest.mark.parametrize(
    "selector, found",
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchLabels": {"a": "1", "b": "1"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
    ],
    ids=str,
)
def test_label_selectors_match_as_in_kubernetes(selector, found):
    assert matches(selector, {"a": "1"}) is found
