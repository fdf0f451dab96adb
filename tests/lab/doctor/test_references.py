"""The Secrets and ConfigMaps that rendered objects refer to: every way to refer to one, and nothing else."""

import re

import pytest

from lab import ROOT
from lab.doctor.plan import Plan, read_plan
from lab.doctor.references import Source, references, supplied
from tests.support.chart import crds

PRESETS = sorted((ROOT / "ci").glob("*-values.yaml"))


def refer(kind: str = "Deployment", **spec) -> list[tuple[str, str, tuple[str, ...]]]:
    """Kind, name and keys of each reference of an object with this spec."""
    plan = Plan([{"kind": kind, "metadata": {"name": "o"}, "spec": spec}])
    return [(found.source.kind, found.source.name, found.keys) for found in references(plan)]


def pod(**spec) -> list[tuple[str, str, tuple[str, ...]]]:
    return refer(template={"spec": spec})


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"secret": {"secretName": "a"}}, ("Secret", "a", ())),
        ({"secret": {"secretName": "a", "items": [{"key": "k", "path": "p"}]}}, ("Secret", "a", ("k",))),
        ({"configMap": {"name": "a", "items": [{"key": "k", "path": "p"}]}}, ("ConfigMap", "a", ("k",))),
        ({"projected": {"sources": [{"secret": {"name": "a"}}]}}, ("Secret", "a", ())),
        (
            {"projected": {"sources": [{"configMap": {"name": "a", "items": [{"key": "k"}]}}]}},
            ("ConfigMap", "a", ("k",)),
        ),
        ({"csi": {"driver": "d", "nodePublishSecretRef": {"name": "a"}}}, ("Secret", "a", ())),
        ({"azureFile": {"secretName": "a", "shareName": "s"}}, ("Secret", "a", ())),
        ({"cephfs": {"secretRef": {"name": "a"}}}, ("Secret", "a", ())),
    ],
)
def test_volumes(volume, expected, optional):
    if optional:
        volume = with_optional(volume)
    assert pod(volumes=[{"name": "v", **volume}]) == ([] if optional else [expected])


def with_optional(part):
    """The part with `optional` in each mapping that names something."""
    if isinstance(part, list):
        return [with_optional(each) for each in part]
    if not isinstance(part, dict):
        return part
    named = {"optional": True} if {"name", "secretName"} & part.keys() else {}
    return {key: with_optional(value) for key, value in part.items()} | named


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize("where", ["containers", "initContainers"])
@pytest.mark.parametrize(
    ("container", "expected"),
    [
        (
            {"env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "a", "key": "k"}}}]},
            ("Secret", "a", ("k",)),
        ),
        (
            {"env": [{"name": "E", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}}]},
            ("ConfigMap", "a", ("k",)),
        ),
        ({"envFrom": [{"secretRef": {"name": "a"}}]}, ("Secret", "a", ())),
        ({"envFrom": [{"configMapRef": {"name": "a"}}]}, ("ConfigMap", "a", ())),
    ],
)
def test_variables(container, where, expected, optional):
    (variables,) = container.values()
    if optional:
        variables = [
            {"name": "E", "valueFrom": with_optional(each["valueFrom"])}
            if "valueFrom" in each
            else with_optional(each)
            for each in variables
        ]
    assert pod(**{where: [{"name": "c", next(iter(container)): variables}]}) == (
        [] if optional else [expected]
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"imagePullSecrets": [{"name": "a"}]},  # the check of images asks for these
        {"nodeSelector": {"name": "a", "key": "b"}},
        {"tolerations": [{"key": "a", "operator": "Exists"}]},
        {"containers": [{"name": "c", "env": [{"name": "key", "value": "v"}]}]},
        {"volumes": [{"name": "v", "secret": {"secretName": ""}}]},
    ],
)
def test_what_is_no_reference(spec):
    assert pod(**spec) == []


def test_labels_are_no_references():
    assert refer("ServiceMonitor", selector={"matchLabels": {"name": "a", "key": "b"}}) == []
    rule = {"alert": "A", "expr": "1", "labels": {"name": "a", "key": "b"}}
    assert refer("PrometheusRule", groups=[{"name": "g", "rules": [rule]}]) == []


def test_names_that_the_servers_of_the_operator_mount():
    assert refer("Prometheus", secrets=["a"], configMaps=["b"]) == [
        ("Secret", "a", ()),
        ("ConfigMap", "b", ()),
    ]
    assert refer("Alertmanager", configSecret="a") == [("Secret", "a", ())]


def selectors(schema: dict, path: tuple[str, ...] = ()):
    """The path of each selector of a key in a definition's schema, and the kind that it selects from."""
    fields = schema.get("properties") or {}
    if {"name", "key"} <= fields.keys():
        kind = "Secret" if "of the secret" in fields["key"]["description"] else "ConfigMap"
        yield path, kind
        return
    for name, field in fields.items():
        yield from selectors(field, (*path, name))
    if "items" in schema:
        yield from selectors(schema["items"], (*path, "[]"))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from selectors(schema["additionalProperties"], (*path, "{}"))


@pytest.mark.parametrize(
    "kind", ["AlertmanagerConfig", "Alertmanager", "Prometheus", "PodMonitor", "Probe", "ServiceMonitor"]
)
def test_every_selector_of_the_operators_kinds_is_a_reference(kind):
    """Their fields have many names, such as `urlSecret` and `credentials`."""
    version = crds.definition("monitoring.coreos.com", kind)["spec"]["versions"][0]
    found = list(selectors(version["schema"]["openAPIV3Schema"]["properties"]["spec"]))
    assert len(found) > 5
    for path, selected in found:
        spec = {"name": "a", "key": "k"}
        for field in reversed(path):
            spec = [spec] if field == "[]" else {"x" if field == "{}" else field: spec}
        assert refer(kind, **spec) == [(selected, "a", ("k",))], path


# --- what the release brings --------------------------------------------------------------------------


def test_what_others_create_because_of_the_release_is_not_missing():
    webhook = {"containers": [{"args": ["create", "--host=x", "--secret-name=admission"]}]}
    issuer = {"name": "i", "annotations": {"cert-manager.io/cluster-issuer": "ca"}}
    objects = [
        {"kind": "Secret", "metadata": {"name": "rendered"}},
        {"kind": "ConfigMap", "metadata": {"name": "rendered", "namespace": "shop"}},
        {"kind": "Certificate", "metadata": {"name": "c"}, "spec": {"secretName": "certificate"}},
        {"kind": "Job", "metadata": {"name": "j"}, "spec": {"template": {"spec": webhook}}},
        {"kind": "Ingress", "metadata": issuer, "spec": {"tls": [{"secretName": "issued"}]}},
        {"kind": "Ingress", "metadata": {"name": "own"}, "spec": {"tls": [{"secretName": "own"}]}},
    ]
    names = ("rendered", "certificate", "admission", "issued")
    assert supplied(Plan(objects)) == {
        *(Source("Secret", "observability", name) for name in names),
        Source("ConfigMap", "shop", "rendered"),
        *(Source("ConfigMap", namespace, "kube-root-ca.crt") for namespace in ("observability", "shop")),
    }


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.name)
def test_a_preset_needs_the_secrets_that_it_names(preset, needs_package):
    """Each preset lists them at its top: `The Secret slack with the key url`."""
    plan = read_plan({"VALUES": str(preset)}, None)
    brought = supplied(plan)
    needed: dict[str, set[str]] = {}
    for each in references(plan):
        if each.source not in brought:
            needed.setdefault(each.source.name, set()).update(each.keys)
    named = {
        name: set(re.split(r", | and ", keys))
        for name, keys in re.findall(
            r"^# - The Secret (\S+) with the keys? ([^:.\n]+(?:\.\w+)?)", preset.read_text(), re.MULTILINE
        )
    }
    assert needed.keys() == named.keys()
    for name, keys in needed.items():
        assert keys <= named[name]
