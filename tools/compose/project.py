"""The compose project: its services, with images and settings from the rendered chart."""

from collections.abc import Sequence
from typing import Any

from lab.errors import LabError
from lab.render.chart import Render
from lab.render.stack import Stack
from lab.render.workload import CONTAINER, Workload
from lab.servers import grafana

HEAD = """\
# The platform for Docker Compose (docs/compose.md). `make compose` writes this file from the rendered chart.
# Your own changes belong in compose.override.yaml, which `docker compose` reads as well.
#   GRAFANA_ADMIN_PASSWORD=... docker compose up --detach --wait
# Every port is published on the loopback address only: Prometheus and Alertmanager have no passwords.
"""
DASHBOARDS = "/etc/grafana/dashboards"
SECRETS = "/etc/alertmanager-secrets"
"""Where Alertmanager finds credentials: a folder for each Secret, a file for each of its keys."""
GRAFANA_VERSION = "13.2.0"
"""The appVersion of the grafana chart in kube-prometheus-stack, which is the image's tag."""
# Digests of the multi-platform indexes.
DIGESTS = {
    "quay.io/prometheus/prometheus:v3.14.0": (
        "sha256:5ce7540c3c00ef4ab0c9d2c995c6a5b9c421f44b4a115d97a2c7af3b1c21cbb0"
    ),
    "quay.io/prometheus/alertmanager:v0.34.0": (
        "sha256:690c7b525f4367aa91f73e2f91c632206d32e97c6384bdbf2fb7a861b420340d"
    ),
    "docker.io/grafana/grafana:13.2.0": (
        "sha256:3fd54ae1214669f8355f065ec9f6445d5279a3d77095ab048ca045685272429b"
    ),
}


def project(
    render: Render,
    stack: Stack,
    api: Workload,
    prometheus_flags: Sequence[str],
    alertmanager_flags: Sequence[str],
) -> dict[str, Any]:
    """The content of compose.yaml; the flags are those that the values ask for. Raises LabError."""
    services = {
        "storage-api": _storage_api(render, api),
        "alertmanager": _alertmanager(stack, alertmanager_flags, bool(render.find("AlertmanagerConfig"))),
        "prometheus": _prometheus(stack, prometheus_flags),
        "grafana": _grafana(stack),
    }
    return {
        "name": "observability-platform",
        "services": {name: service | _common() for name, service in services.items()},
        "volumes": {volume: {} for volume in ("objects", "alertmanager", "prometheus", "grafana")},
    }


def _storage_api(render: Render, api: Workload) -> dict[str, Any]:
    (pod,) = (
        item["spec"]["template"]["spec"]
        for item in render.ours
        if item["kind"] in ("Deployment", "StatefulSet")
        and item["metadata"]["labels"]["app.kubernetes.io/name"] == CONTAINER
    )
    (container,) = pod["containers"]
    return {
        "image": container["image"],
        "build": {"context": "../.."},
        "environment": {name: text.replace("$", "$$") for name, text in api.environment.items()},
        "ports": [_published("PORT", 5000)],
        "volumes": ["objects:/data"],
        "healthcheck": _healthy("python", "-m", "storage_api.healthcheck"),
        "stop_grace_period": f"{pod['terminationGracePeriodSeconds']}s",
        "mem_limit": container["resources"]["limits"]["memory"].removesuffix("i").lower(),
    }


def _alertmanager(stack: Stack, flags: Sequence[str], delivers: bool) -> dict[str, Any]:
    secrets = [f"./secrets:{SECRETS}:ro"] if delivers else []
    return {
        "image": _image(stack.values["alertmanager"]["alertmanagerSpec"]["image"]),
        "command": [
            "--config.file=/etc/alertmanager/alertmanager.yml",
            "--storage.path=/alertmanager",
            "--web.external-url=http://localhost:${ALERTMANAGER_PORT:-9093}",
            # A single server has no cluster to join.
            "--cluster.listen-address=",
            *flags,
        ],
        "ports": [_published("ALERTMANAGER_PORT", 9093)],
        "volumes": ["./alertmanager:/etc/alertmanager:ro", *secrets, "alertmanager:/alertmanager"],
        "healthcheck": _healthy("amtool", "--alertmanager.url=http://localhost:9093", "config", "show"),
        "mem_limit": "128m",
    }


def _prometheus(stack: Stack, flags: Sequence[str]) -> dict[str, Any]:
    return {
        "image": _image(stack.prometheus_spec["image"]),
        "command": [
            "--config.file=/etc/prometheus/platform/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--web.external-url=http://localhost:${PROMETHEUS_PORT:-9090}",
            *flags,
        ],
        "ports": [_published("PROMETHEUS_PORT", 9090)],
        "volumes": ["./prometheus:/etc/prometheus/platform:ro", "prometheus:/prometheus"],
        "healthcheck": _healthy("promtool", "check", "ready", "--url=http://localhost:9090"),
        "depends_on": {name: {"condition": "service_healthy"} for name in ("alertmanager", "storage-api")},
        # It finishes writing on SIGTERM.
        "stop_grace_period": "60s",
        "mem_limit": "1g",
    }


def _grafana(stack: Stack) -> dict[str, Any]:
    image = stack.values["grafana"]["image"]
    return {
        "image": _image({**image, "tag": image["tag"] or GRAFANA_VERSION}),
        "environment": {
            "GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_ADMIN_PASSWORD:?set a password for the user admin}",
            "GF_SERVER_ROOT_URL": "http://localhost:${GRAFANA_PORT:-3000}",
            "GF_LOG_MODE": "console",
            **grafana.settings(stack),
        },
        "ports": [_published("GRAFANA_PORT", 3000)],
        "volumes": [
            "./grafana/provisioning:/etc/grafana/provisioning:ro",
            f"./grafana/dashboards:{DASHBOARDS}:ro",
            "grafana:/var/lib/grafana",
        ],
        "healthcheck": _healthy("wget", "-q", "-O", "/dev/null", "http://localhost:3000/api/health"),
        "depends_on": {"prometheus": {"condition": "service_healthy"}},
        # Each datasource is a process of its own.
        "mem_limit": "1g",
    }


def _common() -> dict[str, Any]:
    """Restrictions of every container, as in the cluster, and logs that do not fill the disk."""
    return {
        "restart": "unless-stopped",
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 (a path in the container)
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": 512,
        "logging": {"driver": "local"},
    }


def _image(image: dict[str, str]) -> str:
    """The image of the chart by digest; raises LabError if its digest is unknown.

    In the distroless variant of Prometheus, the user that it runs as may not own the folder of the volume.
    """
    name = f"{image['registry']}/{image['repository']}:{image['tag'].removesuffix('-distroless')}"
    if name not in DIGESTS:
        raise LabError(f"the digest of {name} is not known; add it to DIGESTS in tools/compose/project.py")
    return f"{name}@{DIGESTS[name]}"


def _published(variable: str, port: int) -> str:
    return f"127.0.0.1:${{{variable}:-{port}}}:{port}"


def _healthy(*command: str) -> dict[str, Any]:
    return {"test": ["CMD", *command], "interval": "10s", "timeout": "5s", "start_period": "30s"}
