"""The rendered platform as local processes: storage API, Prometheus, Alertmanager, a Grafana if found."""

import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests
import yaml

from lab import ROOT, toolchain
from lab.clients import Alertmanager, Prometheus
from lab.errors import LabError
from lab.ports import Ports
from lab.processes import Command, Processes, Started, last_line, using
from lab.progress import say
from lab.render import self_monitoring, workload
from lab.render.chart import Render, render_chart
from lab.render.stack import Stack
from lab.servers import alertmanager as alertmanager_config
from lab.servers import grafana
from lab.servers import prometheus as prometheus_config

VALUES = Path(__file__).with_name("values.yaml")
READY_SECONDS = 60
ANSWER_SECONDS = 5
# Of what changed, so many names are told.
SHOWN_CHANGES = 4
SAMPLE_TRAFFIC = "sample-traffic"
_NO_UI = (
    "<!doctype html><title>Prometheus</title><p>This Prometheus was built without its web UI. "
    'Its API is at <code>/api/v1/</code>; what the lab serves is at <a href="/user/">/user/</a>.'
)


@dataclass(frozen=True)
class Part:
    """A server of the platform."""

    port: str
    """Its field in Ports, where it answers."""
    ready: str
    """The path that answers 200 once it is ready."""


PARTS = {
    "storage-api": Part("service", "/readyz"),
    "prometheus": Part("prometheus", "/-/ready"),
    "alertmanager": Part("alertmanager", "/-/ready"),
    "grafana": Part("grafana", "/api/health"),
}


class Platform:
    """One lab in one folder.

    `values` win over `value_files`, those over the lab's own. Without `ports` it takes free ones, without
    `grafana_home` the variable GRAFANA_HOME. As a context manager it comes up and goes down. Raises LabError,
    RenderError and ToolError.
    """

    def __init__(
        self,
        root: Path = ROOT,
        *,
        folder: Path,
        values: Mapping[str, Any] | None = None,
        value_files: Iterable[Path] = (),
        ports: Ports | None = None,
        grafana_home: str | None = None,
    ) -> None:
        self.root = root
        self.folder = folder
        self.ports = ports or Ports.free()
        self.processes = Processes(folder)
        self._values = values
        self._value_files = tuple(value_files)
        self._grafana_home = os.environ.get("GRAFANA_HOME") if grafana_home is None else grafana_home

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *exception: object) -> None:
        self.down()

    @property
    def prometheus(self) -> Prometheus:
        return Prometheus(self.url("prometheus"))

    @property
    def alertmanager(self) -> Alertmanager:
        return Alertmanager(self.url("alertmanager"))

    @property
    def service_url(self) -> str:
        return self.url("storage-api")

    def url(self, part: str) -> str:
        """A part's URL: where it was started, else where it would be."""
        started = self.processes.all().get(part)
        return started.url if started else self.ports.url(PARTS[part].port)

    def render(self) -> Render:
        return render_chart(self._values, value_files=[VALUES, *self._value_files], root=self.root)

    def check(self) -> None:
        """Refuses what `up` would refuse, but for what only installed programs can tell; raises LabError."""
        self._require_complete(self.render())
        for name in (name for name in PARTS if name != "grafana"):
            running = self.processes.running(name)
            if getattr(self.ports, PARTS[name].port) not in (running.ports() if running else ()):
                self.ports.require_free(PARTS[name].port)

    def up(self) -> None:
        """Starts what does not run yet, replaces what runs with another configuration, and says why.

        Says also what of the values the lab does in another way, or not at all. What this call started it
        stops again if it fails or is interrupted.
        """
        with self._lock():
            commands, notes = self._commands(self.render())
            stale = [c for c in commands if not self._is_current(c)]
            for command in stale:
                running = self.processes.running(command.name)
                self._require_free(command, running.ports() if running else set())
                if running:
                    notes.append(f"{command.name} is replaced ({_changed(running.changes(command))})")
            stopped = [name for name in PARTS if name not in {c.name for c in commands}]
            notes += [
                f"{name} is stopped: none is found now" for name in stopped if self.processes.running(name)
            ]
            stopped += [command.name for command in stale]
            if "storage-api" in stopped:  # or its next round would find nothing that answers
                stopped.append(SAMPLE_TRAFFIC)
            for note in notes:
                say(note)
            self.processes.stop(stopped)
            try:
                for command in stale:
                    self._require_free(command)
                    self.processes.start(command)
                for command in stale:
                    self.processes.wait(
                        command.name, lambda name=command.name: self.not_ready(name), READY_SECONDS, say
                    )
            except BaseException:
                self.processes.stop([command.name for command in stale])
                raise

    def down(self) -> list[str]:
        """Stops exactly what was started; returns the parts that were running. Data stays."""
        return self.stop(list(self.processes.all())) if self.folder.is_dir() else []

    def stop(self, names: list[str]) -> list[str]:
        """Stops some of the parts; returns those that were running."""
        with self._lock():
            return self.processes.stop(names)

    def send_sample_traffic(self, minutes: int) -> None:
        """One round a second in the background, unless it runs already; it ends by itself or with `down`."""
        # Ids of its own: `make traffic` deletes what it finds under the usual ones.
        arguments = ["--url", self.service_url, "--rounds", str(minutes * 60), "--rate", "1"]
        arguments += ["--prefix", "sample-", "--json"]
        with self._lock():
            if not self.processes.running(SAMPLE_TRAFFIC):
                self.processes.start(
                    Command(
                        name=SAMPLE_TRAFFIC,
                        arguments=(sys.executable, "-m", "lab", "traffic", *arguments),
                        environment={"PYTHONPATH": str(self.root)},
                        folder=self.folder,
                    )
                )

    def started(self) -> float:
        """When the storage API that runs was started, in seconds since the epoch; now where none runs."""
        api = self.processes.running("storage-api")
        return api.created if api else time.time()

    def ready(self, part: str) -> bool:
        return not self.not_ready(part)

    def not_ready(self, part: str) -> str:
        """Why a part is not ready, in words; empty where it is."""
        url = self.url(part) + PARTS[part].ready
        try:
            answer = requests.get(url, timeout=ANSWER_SECONDS)
        except requests.Timeout:
            return f"{url} has not answered within {ANSWER_SECONDS} s"
        except requests.RequestException:
            return f"{url} can't be reached"
        return (
            "" if answer.ok else f"{url} answers {answer.status_code}: {' '.join(answer.text.split())[:200]}"
        )

    def states(self) -> dict[str, str]:
        """In words, how each part is that was started."""
        return {name: self._state(name, started) for name, started in self.processes.all().items()}

    def _state(self, name: str, started: Started) -> str:
        if started.process() is None:
            finished = name == SAMPLE_TRAFFIC and _is_complete(Path(started.log))
            return "finished" if finished else f"ended, see {started.log}"
        if name in PARTS and (reason := self.not_ready(name)):
            return f"not ready, see {started.log}: {reason}"
        return f"running, pid {started.pid}"

    def _require_free(self, command: Command, held: Set[int] = frozenset()) -> None:
        """The command's ports, but for those that are `held` by what it replaces; raises LabError."""
        parts = [PARTS[command.name].port, *(["metrics"] if "METRICS_PORT" in command.environment else [])]
        for part in parts:
            if getattr(self.ports, part) not in held:
                self.ports.require_free(part)

    def _is_current(self, command: Command) -> bool:
        running = self.processes.running(command.name)
        return running is not None and not running.changes(command)

    def _require_complete(self, render: Render) -> None:
        if needs := workload.needs(render):
            files = f" ({' '.join(map(_shown, self._value_files))})" if self._value_files else ""
            raise LabError(
                f"these values{files} need {', '.join(needs)}, which the lab does not have; "
                "try ci/dev-values.yaml, or change these values in a file of your own behind it"
            )

    def _commands(self, render: Render) -> tuple[list[Command], list[str]]:
        """What to run, and what there is to say about these values."""
        stack = Stack.of(render)
        self._require_complete(render)
        here = {"http": self.ports.address("service"), "metrics": self.ports.address("metrics")}
        api = workload.find(render, here)
        pods = [
            api.pod,
            *self_monitoring.pods(stack, {c: self.ports.address(c) for c in self_monitoring.COMPONENTS}),
        ]
        monitoring = prometheus_config.build(
            render, stack, pods, self_monitoring.objects(stack), self.ports.address("alertmanager")
        )
        commands = [self._storage_api(api), self._prometheus(monitoring), self._alertmanager(stack)]
        dashboards = grafana.dashboards(stack, render.ours)
        environment = os.environ | {"GRAFANA_HOME": self._grafana_home or ""}
        if found := grafana.find(environment):
            commands.append(grafana.command(found, stack, dashboards, self.ports, self.folder / "grafana"))
        notes = [
            f"these values install no {name} ({why}); the lab runs one all the same"
            for name in (command.name for command in commands)
            if (why := stack.not_installed(name))
        ]
        return commands, notes + [f"left out: {line}" for line in monitoring.left_out]

    def _storage_api(self, api: workload.Workload) -> Command:
        folder = self.folder / "storage-api"
        return Command(
            name="storage-api",
            arguments=(sys.executable, "-m", "storage_api"),
            environment=api.local(folder / "objects")
            # A container has nobody's home: credentials for clouds that lie there are not used.
            | {"PYTHONPATH": str(self.root / "service"), "HOME": str(folder)},
            folder=folder,
            url=self.ports.url("service"),
            source=_source(self.root),
        )

    def _alertmanager(self, stack: Stack) -> Command:
        folder = self.folder / "alertmanager"
        config = alertmanager_config.build(stack, folder)
        files = {"alertmanager.yml": yaml.safe_dump(config.main, sort_keys=False), **config.templates}
        _check([str(toolchain.amtool()), "check-config", "alertmanager.yml"], files)
        return Command(
            name="alertmanager",
            arguments=(
                str(toolchain.alertmanager()),
                "--config.file=alertmanager.yml",
                "--storage.path=data",
                f"--web.listen-address={self.ports.address('alertmanager')}",
                f"--web.external-url={self.ports.url('alertmanager')}",
                # One alone: nothing to gossip with.
                "--cluster.listen-address=",
                *config.flags,
            ),
            environment={},
            folder=folder,
            url=self.ports.url("alertmanager"),
            files=files,
        )

    def _prometheus(self, config: prometheus_config.PrometheusConfig) -> Command:
        folder = self.folder / "prometheus"
        files = {"prometheus.yml": yaml.safe_dump(config.main, sort_keys=False)} | {
            f"rules/{name}": yaml.safe_dump(rules, sort_keys=False) for name, rules in config.rules.items()
        }
        # Where a Prometheus that was built without its web UI looks for the page.
        files["web/ui/static/mantine-ui/index.html"] = _NO_UI
        _check([str(toolchain.promtool()), "check", "config", "prometheus.yml"], files)
        return Command(
            name="prometheus",
            arguments=(
                str(toolchain.prometheus()),
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address={self.ports.address('prometheus')}",
                f"--web.external-url={self.ports.url('prometheus')}",
                f"--web.user-assets={self.folder / 'user'}",
                # A hidden flag; its 5 s would be a third of the wait for the first figures.
                "--scrape.discovery-reload-interval=1s",
                *config.flags,
            ),
            environment={},
            folder=folder,
            url=self.ports.url("prometheus"),
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


def _source(root: Path) -> str:
    """A digest of the service's code and of the packages that it runs with."""
    files = [*(root / "service" / "storage_api").rglob("*"), root / "requirements.txt"]
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file() and file.suffix != ".pyc"):
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _changed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_CHANGES]) + (", ..." if len(names) > SHOWN_CHANGES else "")
    return f"changed: {shown}"


def _shown(path: Path) -> str:
    """Relative where it lies in the repository."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _is_complete(log: Path) -> bool:
    """Whether the sample traffic wrote the report of all its rounds as its last line."""
    try:
        return json.loads(last_line(log))["complete"]
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _check(command: list[str], files: Mapping[str, str]) -> None:
    """Has the tool check a configuration before anything is stopped or started; raises LabError."""
    with tempfile.TemporaryDirectory(prefix="check-") as folder:
        for path, text in files.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        said = next((line for line in lines if "FAILED" in line), lines[-1])
        raise LabError(f"{Path(command[0]).name} refuses the configuration of these values: {said}")
