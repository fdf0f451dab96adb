"""Pods of each preset, ours and the stack's: security, resource requests and scheduling."""

import json
import re

import pytest

from lab import ROOT
from tests.support.chart.axes import presets
from tests.support.chart.pods import containers, operator_pod_specs, pod_specs, restricted_faults

STACK = "kube-prometheus-stack"
PRESETS = presets()


@pytest.fixture(params=PRESETS)
def preset(request, rendered):
    return rendered(value_files=[str(path) for path in PRESETS[request.param]])


def workload_and_tests(render):
    """The pod spec of the API, and those of `helm test` by name."""
    found = dict(pod_specs(render.ours))
    tests = {name: found.pop((kind, name)) for kind, name in list(found) if kind == "Pod"}
    (workload,) = found.values()
    return workload, tests


def test_services_in_the_namespace_set_no_variables_in_our_pods(preset):
    """A Service called `metrics` would set METRICS_PORT=tcp://10.96.0.1:9090, and the API would not start."""
    found = dict(pod_specs(preset.ours))
    assert found
    assert {name: spec.get("enableServiceLinks") for name, spec in found.items()} == dict.fromkeys(
        found, False
    )


def test_our_pods_meet_the_restricted_pod_security_standard(preset):
    for name, spec in pod_specs(preset.ours):
        assert list(restricted_faults(spec)) == [], name
        assert spec["automountServiceAccountToken"] is False, name
        assert all(each["securityContext"]["readOnlyRootFilesystem"] is True for each in containers(spec)), (
            name
        )


def bundled(render):
    """The objects of kube-prometheus-stack; none if it is disabled."""
    ours = {id(o) for o in render.ours}
    found = [o for o in render.objects if id(o) not in ours]
    assert bool(found) == render.values[STACK]["enabled"]
    return found


def test_bundled_pods_except_node_exporter_meet_the_restricted_standard(preset, needs_package):
    """docs/install.md promises this; node-exporter needs access to the host."""
    objects = bundled(preset)
    found = dict(pod_specs(objects))
    node_exporter = found.pop(("DaemonSet", "observability-platform-node-exporter"), None)
    assert (node_exporter is not None) == bool(objects)
    for name, spec in [*found.items(), *operator_pod_specs(objects)]:
        assert list(restricted_faults(spec)) == [], name
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True, name


def test_pods_created_by_the_operator_have_a_seccomp_profile(preset, needs_package):
    """The operator sets the security contexts of the containers."""
    objects = bundled(preset)
    found = dict(operator_pod_specs(objects))
    assert bool(found) == bool(objects)
    for name, spec in found.items():
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name


def requested(resources):
    return {"cpu", "memory"} <= ((resources or {}).get("requests") or {}).keys()


def test_every_container_requests_cpu_and_memory(preset, needs_package):
    """A full node evicts pods without requests first, and a resource quota refuses them."""
    for name, spec in pod_specs(preset.objects):
        without = [each["name"] for each in containers(spec) if not requested(each.get("resources"))]
        assert without == [], name
    for name, spec in operator_pod_specs(preset.objects):
        assert requested(spec.get("resources")), name
        assert "thanos" not in spec or requested(spec["thanos"].get("resources")), name
    for operator in preset.find("Deployment", "observability-platform-operator"):
        arguments = containers(operator["spec"]["template"]["spec"])[0]["args"]
        for resource in ("cpu", "memory"):
            (given,) = [a for a in arguments if a.startswith(f"--config-reloader-{resource}-request=")]
            assert not given.endswith("=0"), given


def test_without_the_storage_api_helm_test_runs_the_image_that_it_is_built_on(rendered):
    values = {"storage-api": {"enabled": False}, "global": {"imagePullSecrets": ["one", {"name": "two"}]}}
    pods = rendered(values).find("Pod")
    assert {pod["metadata"]["name"] for pod in pods} == {
        f"platform-test-{part}" for part in ("prometheus", "alertmanager", "grafana")
    }
    (image,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for pod in pods:
        (container,) = pod["spec"]["containers"]
        assert container["image"] == image
        assert requested(container["resources"])
        assert list(restricted_faults(pod["spec"])) == []
        assert pod["spec"]["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
        assert pod["spec"]["automountServiceAccountToken"] is pod["spec"]["enableServiceLinks"] is False


PLACEMENT = {
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "nodeSelector": {"kubernetes.io/arch": "arm64"},
    "priorityClassName": "important",
    "imagePullSecrets": ["registry"],
    "podSecurity": {"runAsUser": 0, "runAsGroup": 0, "fsGroup": 0},
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "Exists"}]}]
            }
        },
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}
            ]
        },
    },
}


def test_helm_test_pods_have_the_scheduling_rules_of_the_api(rendered):
    """Except for anti-affinity: on a small cluster it would leave no node for the test pod."""
    render = rendered({"storage-api": PLACEMENT, "global": {"imageRegistry": "registry.example"}})
    workload, tests = workload_and_tests(render)
    assert len(tests) == 4
    for name, spec in tests.items():
        for field in (
            "tolerations",
            "nodeSelector",
            "priorityClassName",
            "imagePullSecrets",
            "securityContext",
        ):
            assert spec[field] == workload[field], (name, field)
        assert spec["affinity"] == {"nodeAffinity": PLACEMENT["affinity"]["nodeAffinity"]}, name
        assert containers(spec)[0]["image"] == containers(workload)[0]["image"], name
        assert containers(spec)[0]["image"].startswith("registry.example/"), name


@pytest.mark.parametrize(
    ("image", "pulled"),
    [
        ("python:3.13", "registry.example/mirror/python:3.13"),
        ("library/python:3.13", "registry.example/mirror/library/python:3.13"),
        ("quay.example:5000/team/python@sha256:00", "registry.example/mirror/team/python@sha256:00"),
        ("localhost/python", "registry.example/mirror/python"),
        ("registry.example/mirror/python:3.13", "registry.example/mirror/python:3.13"),
    ],
)
def test_the_global_registry_applies_to_the_image_of_the_api_test(rendered, image, pulled):
    for registry, expected in (("", image), ("registry.example/mirror", pulled)):
        render = rendered({"tests": {"image": image}, "global": {"imageRegistry": registry}})
        _, tests = workload_and_tests(render)
        used = {containers(spec)[0]["image"] for name, spec in tests.items() if "-test-" in name}
        assert used == {expected}


def variable(spec, name):
    (found,) = [each["value"] for each in containers(spec)[0]["env"] if each["name"] == name]
    return found


SUB_PATHS = {
    STACK: {
        "prometheus": {"prometheusSpec": {"routePrefix": "/prometheus"}},
        "alertmanager": {"alertmanagerSpec": {"routePrefix": "/alertmanager/"}},
        "grafana": {
            "grafana.ini": {
                "server": {
                    "serve_from_sub_path": True,
                    "root_url": "%(protocol)s://%(domain)s:%(http_port)s/grafana/",
                }
            }
        },
    }
}


@pytest.mark.parametrize(("values", "path"), [({}, ""), (SUB_PATHS, "/{part}")])
def test_helm_tests_call_each_part_at_its_path_prefix(rendered, values, path):
    _, tests = workload_and_tests(rendered(values))
    ports = {"prometheus": 9090, "alertmanager": 9093, "grafana": 80}
    for part, port in ports.items():
        url = variable(tests[f"platform-test-{part}"], "URL")
        service = f"observability-platform-{part}.observability"
        assert url == f"http://{service}:{port}{path.format(part=part)}"


def test_helm_tests_leave_out_a_sub_path_that_a_proxy_strips(rendered):
    """Without serve_from_sub_path Grafana itself serves at /."""
    server = {"root_url": "https://example.com/grafana/"}
    _, tests = workload_and_tests(rendered({STACK: {"grafana": {"grafana.ini": {"server": server}}}}))
    assert variable(tests["platform-test-grafana"], "URL").endswith(":80")


@pytest.mark.parametrize(("largest", "stored"), [(1000, "1000"), (16777216, "4096")])
def test_the_api_test_stores_no_more_than_the_maximum_object_size(rendered, largest, stored):
    _, tests = workload_and_tests(rendered({"storage-api": {"config": {"maxObjectBytes": largest}}}))
    assert variable(tests["platform-storage-api-test"], "OBJECT_BYTES") == stored


ROUTES = {
    "receiver": "page",
    "routes": [{"receiver": "ticket", "routes": [{"receiver": "page"}]}],
}
RECEIVERS = [{"name": name} for name in ("null", "page", "ticket", "unused")]


@pytest.mark.parametrize(
    ("alertmanager", "expected"),
    [
        ({}, ["null"]),
        ({"config": {"route": ROUTES, "receivers": RECEIVERS}}, ["page", "ticket"]),
        ({"alertmanagerSpec": {"useExistingSecret": True, "configSecret": "mine"}}, []),
        ({"stringConfig": "route: {receiver: mine}"}, []),
    ],
)
def test_the_alertmanager_test_expects_the_receivers_of_known_routes(rendered, alertmanager, expected):
    """A receiver without a route is allowed; receivers in the user's own Secret are unknown to the chart."""
    hook = {"webhook": {"secret": "hook"}}
    alerting = {
        "enabled": True,
        "critical": "page",
        "extraRoutes": [{"routes": [{"receiver": "ticket"}]}],
        "receivers": dict.fromkeys(("page", "ticket", "unused"), hook),
    }
    _, tests = workload_and_tests(rendered({STACK: {"alertmanager": alertmanager}, "alerting": alerting}))
    asked = json.loads(variable(tests["platform-test-alertmanager"], "EXPECTED"))["receivers"]
    ours = [f"observability/platform/{name}" for name in ("null", "page", "ticket")]
    assert sorted(asked) == sorted([*expected, *ours])
