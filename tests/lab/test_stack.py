"""What the lab knows of kube-prometheus-stack is what its package says."""

import tarfile

import pytest

from lab.render import self_monitoring
from lab.render.chart import DEPENDENCY, dependency_package, load_yaml, render_chart
from lab.render.stack import _DEFAULTS, Stack, _merge, matches


@pytest.fixture(scope="module")
def real(needs_package):
    return render_chart()


def differences(ours, theirs, path="") -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [line for key in ours for line in differences(ours[key], theirs.get(key), f"{path}.{key}")]
    return [] if ours == theirs or not (ours or theirs) else [f"{path}: {ours!r} is {theirs!r} there"]


def test_the_defaults_are_those_of_the_package(real):
    with tarfile.open(dependency_package()) as package:
        stack, grafana = (
            load_yaml(package.extractfile(f"{DEPENDENCY}/{path}values.yaml").read().decode())
            for path in ("", "charts/grafana/")
        )
    assert (
        differences(load_yaml(_DEFAULTS.read_text()), {**stack, "grafana": _merge(grafana, stack["grafana"])})
        == []
    )


def test_the_stack_monitors_itself_as_the_package_renders_it(real):
    stack = Stack.of(real)
    for ours in self_monitoring.objects(stack):
        (theirs,) = real.find(ours["kind"], ours["metadata"]["name"])
        assert theirs["metadata"]["namespace"] == ours["metadata"]["namespace"]
        assert ours["metadata"]["labels"].items() <= theirs["metadata"]["labels"].items()
        if ours["kind"] == "ServiceMonitor":
            assert theirs["spec"]["selector"] == ours["spec"]["selector"]
            assert theirs["spec"]["endpoints"][0]["port"] == ours["spec"]["endpoints"][0]["port"]
        else:
            assert theirs["spec"]["ports"][0]["name"] == ours["spec"]["ports"][0]["name"]


def test_the_pods_are_named_by_the_package(real):
    names = {
        pod.name
        for pod in self_monitoring.pods(Stack.of(real), dict.fromkeys(self_monitoring.COMPONENTS, ""))
    }
    expected = {
        f"{kind.lower()}-{o['metadata']['name']}-0"
        for kind in ("Prometheus", "Alertmanager")
        for o in real.find(kind)
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
def test_the_name_is_cut_as_the_dependency_cuts_it(render, override, fullname):
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
def test_selectors_select_as_kubernetes_does(selector, found):
    assert matches(selector, {"a": "1"}) is found
