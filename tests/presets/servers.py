"""Starts the applications and Prometheus as processes on loopback ports."""

import contextlib
import json
import os
import random
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
import yaml

from lab import ROOT, toolchain
from lab.render.chart import load_yaml
from tests.presets.applications import APPLICATIONS, Application, Place, Process

NAMESPACE = "shop"
WRONG = "wrong-errors"
"""A service with the metrics of flask-exporter, and the label that another library has for errors."""

Sample = tuple[dict[str, str], float]
Query = Callable[[str], list[Sample]]


def place(folder: Path, name: str, upstream: int = 0) -> Place:
    """A folder below `folder` and free loopback ports."""
    own = folder / name
    own.mkdir()
    with socket.socket() as one, socket.socket() as two:
        return Place(own, _bind(one), _bind(two), upstream)


def _bind(one: socket.socket) -> int:
    """Bind to a free port, and return it.

    The system gives ports from 32768 on to tests that run at the same time and start their server later.
    """
    for port in random.sample(range(20000, 30000), 100):
        with contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port between 20000 and 30000")


@contextlib.contextmanager
def running(process: Process, folder: Path) -> Iterator[Callable[[int], bool]]:
    """Run a process until the block ends.

    The value is a function that returns True if a loopback port accepts connections. If the process has ended
    by itself, the function and the end of the block raise AssertionError.
    """
    log = folder / "log"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "JAVA_HOME") if name in os.environ}
    with log.open("wb") as file:
        started = subprocess.Popen(
            process.arguments,
            cwd=folder,
            env=kept | process.environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )

    def listens(port: int) -> bool:
        assert started.poll() is None, f"{folder.name} has ended: {log.read_text(errors='replace')[-2000:]}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        yield listens
        listens(0)
    finally:
        started.kill()
        started.wait()


@contextlib.contextmanager
def prometheus(folder: Path, places: Mapping[str, Place], speed: int) -> Iterator[Query]:
    """A Prometheus that scrapes the applications every second; the value is a function for queries."""
    folder.mkdir()
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": _rule_groups(speed)}))
    (folder / "prometheus.yml").write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": ["rules.yaml"],
                "scrape_configs": [_scrape(name, at, APPLICATIONS[name]) for name, at in places.items()],
            }
        )
    )
    at = place(folder, "server")
    arguments = [
        str(toolchain.prometheus()),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{at.port}",
        "--scrape.discovery-reload-interval=1s",  # hidden; the default of 5 s delays the first scrape
    ]

    def query(expression: str) -> list[Sample]:
        url = f"http://127.0.0.1:{at.port}/api/v1/query"
        answer = requests.get(url, {"query": expression}, timeout=10).json()
        return [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]

    with running(Process(arguments), at.folder):
        yield query


def _scrape(name: str, at: Place, application: Application) -> dict[str, Any]:
    """A target with the labels that the Prometheus operator gives it."""
    address = f"127.0.0.1:{at.metrics_port if application.own_metrics_port else at.port}"
    labels = {
        "namespace": NAMESPACE,
        "service": name,
        "pod": f"{name}-0",
        "container": name,
        "endpoint": "http",
    }
    return {
        "job_name": name,
        "metrics_path": application.metrics_path,
        "static_configs": [{"targets": [address], "labels": labels}],
    }


def _rule_groups(speed: int) -> list[dict[str, Any]]:
    """The rules that charts/slo renders for all applications."""
    common = {"namespace": NAMESPACE, "scrape": {"kind": "existing"}}
    services: dict[str, Any] = {
        name: common | {"preset": name} | a.values for name, a in APPLICATIONS.items()
    }
    services[WRONG] = common | {
        "preset": "flask-exporter",
        "match": {"job": "flask-exporter"},
        "metrics": {"errors": {"regexMatch": {"code": "5.."}}},
    }
    values = {"global": {"monitoring": {"speed": speed}}, "interval": "1s", "services": services}
    command = [str(toolchain.helm()), "template", "slo", str(ROOT / "charts/slo"), "-n", "slo", "-f", "-"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    objects = [load_yaml(text) for text in done.stdout.split("\n---\n")]
    return [group for o in objects if o and o["kind"] == "PrometheusRule" for group in o["spec"]["groups"]]
