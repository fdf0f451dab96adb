"""Problems that users of a preset in ci/ would meet on the first day."""

import itertools
import re

import pytest

from lab.render.chart import load_yaml
from tests.support.chart.alerting import alerts, configuration, routed
from tests.support.chart.axes import presets
from tests.support.chart.notes import notes

STACK = "kube-prometheus-stack"
PRESETS = {name: files[0] for name, files in presets().items() if files}


@pytest.fixture(params=PRESETS)
def preset(request, rendered):
    """The preset's file and its render."""
    path = PRESETS[request.param]
    return path, rendered(value_files=[str(path)])


def size(text):
    """Bytes of a quantity such as 50Gi, or 40GB in Prometheus, whose units are powers of two as well."""
    number, unit = re.fullmatch(r"([\d.]+)([KMGT]?)(?:i|B|iB)", text).groups()
    return float(number) * 1024 ** " KMGT".index(unit or " ")


# --- requests from outside ------------------------------------------------------------------------


def body_limits(render):
    """Body size limit of NGINX in bytes, for each flavor of its annotation; 1 MiB without annotation."""
    (ingress,) = render.find("Ingress")
    annotations = ingress["metadata"].get("annotations", {})
    names = ("nginx.ingress.kubernetes.io/proxy-body-size", "nginx.org/client-max-body-size")
    return [int(annotations.get(name, 1024**2)) for name in names]


def largest_object(render):
    (config,) = [o for o in render.find("ConfigMap") if "MAX_OBJECT_BYTES" in o["data"]]
    return int(config["data"]["MAX_OBJECT_BYTES"])


def test_nginx_accepts_the_largest_object(preset):
    _, render = preset
    for ingress in render.find("Ingress"):
        assert ingress["spec"]["ingressClassName"] == "nginx"
        assert min(body_limits(render)) >= largest_object(render)


@pytest.mark.parametrize(
    ("ingress", "limits"),
    [
        ({"className": "nginx"}, [2**30] * 2),
        ({"className": "nginx-internal"}, [2**30] * 2),
        ({"className": "traefik"}, [2**20] * 2),
        (
            {"className": "nginx", "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "7"}},
            [7, 2**30],
        ),
    ],
)
def test_the_body_limit_of_nginx_follows_the_limit_of_the_api(rendered, ingress, limits):
    """An annotation that the user sets takes precedence."""
    values = {"config": {"maxObjectBytes": 2**30}}
    values["ingress"] = {"enabled": True, "hosts": ["a.example"], **ingress}
    assert body_limits(rendered({"storage-api": values})) == limits


def test_bearer_tokens_are_not_sent_over_plain_http(preset):
    _, render = preset
    if not render.values["storage-api"]["auth"]["existingSecret"]:
        return
    ingresses = render.find("Ingress")
    assert ingresses
    for ingress in ingresses:
        hosts = {rule["host"] for rule in ingress["spec"]["rules"]}
        assert hosts == {host for tls in ingress["spec"].get("tls", ()) for host in tls["hosts"]}


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        ({}, True),
        ({"ingress": {"enabled": True, "hosts": ["a.example"], "tlsSecret": "tls"}}, False),
        ({"auth": {"existingSecret": ""}}, False),
        ({"ingress": {"enabled": False}}, False),
        ({"ingress": {"enabled": False}, "service": {"type": "LoadBalancer"}}, True),
    ],
)
def test_the_notes_warn_of_tokens_over_plain_http(values, warned):
    base = {"auth": {"existingSecret": "tokens"}, "ingress": {"enabled": True, "hosts": ["a.example"]}}
    assert ("Bearer tokens are sent unencrypted" in notes({"storage-api": base | values})) == warned


# --- alerts ---------------------------------------------------------------------------------------


def test_real_alerts_reach_somebody_and_watchdog_nobody_by_mistake(preset, tmp_path):
    _, render = preset
    if not render.values["alerting"]["enabled"]:
        return
    config = configuration(render)
    for alert in alerts(render):
        if alert["labels"]["severity"] in ("critical", "warning"):
            assert routed(config, tmp_path, alert["labels"]), alert["labels"]
    for name in ("Watchdog", "InfoInhibitor"):
        labels = {"alertname": name, "namespace": "observability", "severity": "none"}
        assert routed(config, tmp_path, labels) == ([] if name == "InfoInhibitor" else ["heartbeat"])


# --- Prometheus -----------------------------------------------------------------------------------


def test_the_retention_size_fits_the_volume(preset):
    """Without a retention size below its capacity, the volume may fill up before the retention time ends."""
    _, render = preset
    spec = render.values[STACK]["prometheus"]["prometheusSpec"]
    if claim := (spec["storageSpec"] or {}).get("volumeClaimTemplate"):
        volume = size(claim["spec"]["resources"]["requests"]["storage"])
        assert 0.5 * volume < size(spec["retentionSize"]) < 0.9 * volume


def test_a_client_stays_with_one_of_several_prometheus_servers(preset):
    """The servers' samples differ, so a graph that alternates between them would jump."""
    _, render = preset
    stack = render.values[STACK]
    if not stack["enabled"]:
        return
    assert stack["prometheus"]["service"]["sessionAffinity"] == "ClientIP"
    if not render.stand_in:
        (service,) = render.find("Service", "observability-platform-prometheus")
        assert service["spec"]["sessionAffinity"] == "ClientIP"


# --- prerequisites --------------------------------------------------------------------------------


def keys(values):
    """Yield each key with its value, at any depth."""
    for key, value in values.items() if isinstance(values, dict) else ():
        yield key, value
        yield from keys(value)
    for each in values if isinstance(values, list) else ():
        yield from keys(each)


def needs(values):
    """Yield the prerequisites of values: names of objects that must exist, and of software that must run."""
    for key, value in keys(values):
        if key in ("existingSecret", "urlSecret", "username", "password", "issuerRef"):
            yield value["name"] if isinstance(value, dict) else value
        elif key == "autoscaling":
            yield "metrics-server"
        elif key == "certificate":
            yield "cert-manager"
        elif key == "className":
            yield f"ingress-{value}"
        elif key in ("bucket", "container"):
            yield key
        elif key == "storageClassName":
            yield value
        elif key in ("spec", "persistence") and "storageClassName" not in value:
            yield "default StorageClass"
        elif key == "podAntiAffinity":
            yield "three nodes"
        elif key == "whenUnsatisfiable" and value == "DoNotSchedule":
            yield "topology.kubernetes.io/zone"


@pytest.mark.parametrize("name", sorted(set(PRESETS) - {"kind"}))  # kind brings its own StorageClass
def test_the_header_of_a_preset_lists_its_prerequisites(name):
    text = PRESETS[name].read_text()
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    head = " ".join(line.removeprefix("# ") for line in lines)
    assert [need for need in sorted(set(needs(load_yaml(text)))) if need not in head] == []


def test_the_gke_preset_names_the_supported_clusters():
    """Autopilot refuses the host access that node-exporter needs."""
    text = PRESETS["gke"].read_text()
    assert "Standard" in text
    assert "Autopilot" in text
