"""The storage API runs with the environment that its container would have."""

import base64
import copy
from dataclasses import replace

import pytest

from lab.errors import LabError
from lab.platform import VALUES
from lab.render import workload
from lab.render.chart import render_chart

ADDRESSES = {"http": "127.0.0.1:1", "metrics": "127.0.0.1:2"}


def changed(render, **container):
    """Return the render with more fields in the storage-api container."""
    objects = copy.deepcopy(render.objects)
    for o in objects:
        if o["kind"] in ("Deployment", "StatefulSet"):
            o["spec"]["template"]["spec"]["containers"][0].update(container)
    return replace(render, objects=objects)


def with_secret(render, name, data):
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}
    return replace(render, objects=[*render.objects, secret], sources=[*render.sources, "elsewhere"])


def test_settings_are_read_from_the_rendered_configmap(render):
    (config,) = render.find("ConfigMap", "platform-storage-api")
    assert config["data"]
    assert workload.find(render, ADDRESSES).environment == config["data"]


@pytest.mark.parametrize("port", [0, 1234])
def test_container_ports_are_mapped_to_local_addresses(port, tmp_path):
    render = render_chart({"storage-api": {"metrics": {"port": port}}}, value_files=[VALUES])
    found = workload.find(render, ADDRESSES)
    assert [(p.name, p.number, p.address) for p in found.pod.ports] == [
        ("http", 5000, "127.0.0.1:1"),
        *([("metrics", port, "127.0.0.1:2")] if port else []),
    ]
    changed = {"HOST": "127.0.0.1", "PORT": "1", "STORE_PATH": str(tmp_path)}
    changed |= {"METRICS_PORT": "2"} if port else {}
    assert found.local(tmp_path) == {**found.environment, **changed}


@pytest.mark.parametrize("store", ["filesystem", "memory"])
def test_the_workload_of_each_store_is_found(store, tmp_path):
    values = {"storage-api": {"store": {"type": store}}}
    found = workload.find(render_chart(values, value_files=[VALUES]), ADDRESSES)
    assert found.environment["STORE"] == store
    assert found.pod.name == "platform-storage-api-0"
    assert [port.name for port in found.pod.ports] == ["http"]
    assert ("STORE_PATH" in found.local(tmp_path)) == (store == "filesystem")


def test_variables_are_read_from_secrets_keys_and_fields(render):
    given = changed(
        with_secret(render, "keys", {"TOKEN": "secret"}),
        env=[
            {"name": "PLAIN", "value": "1"},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "TOKEN"}}},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "no", "key": "x", "optional": True}}},
        ],
        envFrom=[{"secretRef": {"name": "keys"}, "prefix": "MY_"}],
    )
    assert workload.find(given, ADDRESSES).environment == {
        "MY_TOKEN": "secret",
        "PLAIN": "1",
        "KEY": "secret",
        "POD": "platform-storage-api-0",
    }


@pytest.mark.parametrize(
    "source, line",
    [
        ({"secretKeyRef": {"name": "gone", "key": "x"}}, "Secret gone, which these values don't render"),
        (
            {"configMapKeyRef": {"name": "platform-storage-api", "key": "GONE"}},
            "A comes from ConfigMap platform-storage-api, which does not have the key",
        ),
        (
            {"resourceFieldRef": {"resource": "limits.memory"}},
            "A comes from resourceFieldRef , which exists only in a cluster",
        ),
    ],
)
def test_a_variable_known_only_in_a_cluster_is_reported_in_one_line(render, source, line):
    with pytest.raises(LabError, match=line):
        workload.find(changed(render, env=[{"name": "A", "valueFrom": source}]), ADDRESSES)


def test_values_without_the_storage_api_are_refused():
    render = render_chart({"storage-api": {"enabled": False}})
    with pytest.raises(LabError, match="these values render no container 'storage-api'"):
        workload.find(render, ADDRESSES)
