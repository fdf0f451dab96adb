"""The rendered platform as local processes: storage API, Prometheus, Alertmanager, a Grafana if found."""

import contextlib
import fcntl
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import requests
import yaml

from lab import alertmanager_config, grafana, prometheus_config, self_monitoring, tools, workload
from lab.api import Alertmanager, Prometheus
from lab.chart import ROOT, Render, render_chart
from lab.errors import LabError
from lab.ports import HOST, Ports
from lab.processes import Command, Processes, using
from lab.stack import Stack

VALUES = Path(__file__).with_name("values.yaml")
READY_SECONDS = 60
_READY = {
    "storage-api": "/readyz",
    "prometheus": "/-/ready",
    "alertmanager": "/-/ready",
    "grafana": "/api/health",
}
_PORT_OF = {
    "storage-api": "service",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "grafana": "grafana",
}


class Platform:
    """One lab in one folder.

    `values` win over `value_files`, those over the lab's own. Without `ports` it takes free ones. As a
    context manager it comes up and goes down. Raises LabError, RenderError and ToolError.
    """

    def __init__(
        self,
        root: Path = ROOT,
        *,
        folder: Path,
        values: Mapping[str, Any] | None = None,
        value_files: Iterable[Path] = (),
        ports: Ports | None = None,
    ) -> None:
        self.root = root
        self.folder = folder
        self.ports = ports or Ports.free()
        self.processes = Processes(folder)
        self.prometheus = Prometheus(self.ports.url("prometheus"))
        self.alertmanager = Alertmanager(self.ports.url("alertmanager"))
        self.service_url = self.ports.url("service")
        self._values = values
        self._value_files = [VALUES, *value_files]

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *exception: object) -> None:
        self.down()

    def render(self) -> Render:
        return render_chart(self._values, value_files=self._value_files, root=self.root)

    def up(self) -> list[str]:
        """Starts what does not run yet and replaces what runs with another configuration.

        Returns what the render holds and the lab leaves out, a line each. What this call started it stops
        again if it fails or is interrupted.
        """
        with self._lock():
            commands, left_out = self._commands(self.render())
            stale = [c for c in commands if not self._is_current(c)]
            for command in stale:
                if not self.processes.running(command.name):
                    self.ports.require_free(_PORT_OF[command.name])
            gone = [name for name in _READY if name not in {c.name for c in commands}]
            self.processes.stop([*gone, *(c.name for c in stale)])
            try:
                for command in stale:
                    self.ports.require_free(_PORT_OF[command.name])
                    self.processes.start(command)
                for command in stale:
                    self.processes.wait(
                        command.name, lambda name=command.name: self.ready(name), READY_SECONDS
                    )
            except BaseException:
                self.processes.stop([command.name for command in stale])
                raise
            return left_out

    def down(self) -> list[str]:
        """Stops exactly what was started; returns the parts that were running. Data stays."""
        if not self.folder.is_dir():
            return []
        with self._lock():
            return self.processes.stop(list(self.processes.all()))

    def start_beside(self, command: Command) -> None:
        """Starts one more process of this lab unless it runs already; `down` stops it too."""
        with self._lock():
            if not self.processes.running(command.name):
                self.processes.start(command)

    def url(self, part: str) -> str:
        """A part's URL; parts are `storage-api`, `prometheus`, `alertmanager`, `grafana`."""
        return self.ports.url(_PORT_OF[part])

    def ready(self, part: str) -> bool:
        try:
            return requests.get(self.url(part) + _READY[part], timeout=5).ok
        except requests.RequestException:
            return False

    def _is_current(self, command: Command) -> bool:
        running = self.processes.running(command.name)
        return running is not None and running.fingerprint == command.fingerprint

    def _commands(self, render: Render) -> tuple[list[Command], list[str]]:
        stack = Stack.of(render)
        api = workload.find(render, self.ports.address("service"))
        pods = [
            api.pod,
            *self_monitoring.pods(stack, {c: self.ports.address(c) for c in self_monitoring.COMPONENTS}),
        ]
        monitoring = prometheus_config.build(
            render, stack, pods, self_monitoring.objects(stack), self.ports.address("alertmanager")
        )
        commands = [self._storage_api(api), self._alertmanager(stack), self._prometheus(monitoring)]
        dashboards = grafana.dashboards(stack, render.ours)
        if found := grafana.find():
            commands.append(grafana.command(found, stack, dashboards, self.ports, self.folder / "grafana"))
        return commands, monitoring.left_out

    def _storage_api(self, api: workload.Workload) -> Command:
        folder = self.folder / "storage-api"
        return Command(
            name="storage-api",
            arguments=(sys.executable, "-m", "storage_api"),
            environment=api.environment
            | {
                "HOST": HOST,
                "PORT": str(self.ports.service),
                "STORE_PATH": str(folder / "objects"),
                "PYTHONPATH": str(self.root / "service"),
            },
            folder=folder,
        )

    def _alertmanager(self, stack: Stack) -> Command:
        folder = self.folder / "alertmanager"
        config = alertmanager_config.build(stack, folder)
        files = {"alertmanager.yml": yaml.safe_dump(config.main, sort_keys=False), **config.templates}
        _check([str(tools.amtool()), "check-config", "alertmanager.yml"], files)
        return Command(
            name="alertmanager",
            arguments=(
                str(tools.alertmanager()),
                "--config.file=alertmanager.yml",
                "--storage.path=data",
                f"--web.listen-address={self.ports.address('alertmanager')}",
                f"--web.external-url={self.url('alertmanager')}",
                # One alone: nothing to gossip with.
                "--cluster.listen-address=",
                *config.flags,
            ),
            environment={},
            folder=folder,
            files=files,
        )

    def _prometheus(self, config: prometheus_config.PrometheusConfig) -> Command:
        folder = self.folder / "prometheus"
        files = {"prometheus.yml": yaml.safe_dump(config.main, sort_keys=False)} | {
            f"rules/{name}": yaml.safe_dump(rules, sort_keys=False) for name, rules in config.rules.items()
        }
        _check([str(tools.promtool()), "check", "config", "prometheus.yml"], files)
        return Command(
            name="prometheus",
            arguments=(
                str(tools.prometheus()),
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address={self.ports.address('prometheus')}",
                f"--web.external-url={self.url('prometheus')}",
                f"--web.user-assets={self.folder / 'user'}",
                *config.flags,
            ),
            environment={},
            folder=folder,
            files=files,
        )

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One command at a time changes what runs in the folder."""
        with using(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / "lock").open("w", encoding="utf-8")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _check(command: list[str], files: Mapping[str, str]) -> None:
    """Has the tool check a configuration before anything is stopped or started; raises LabError."""
    with tempfile.TemporaryDirectory(prefix="check-") as folder:
        for path, text in files.items():
            target = Path(folder, path)
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, encoding="utf-8")
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
        failed = [line for line in lines if "FAILED" in line or "error" in line.lower()] or lines
        raise LabError(
            f"{Path(command[0]).name} refuses the configuration of these values: {'; '.join(failed)}"
        )
