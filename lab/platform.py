"""Starts, replaces and stops the rendered platform as local processes."""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import requests

from lab import ROOT, notifications
from lab.clients import Alertmanager, Prometheus
from lab.command import Command
from lab.folders import using
from lab.notifications import Notification
from lab.plan import Plan, make_plan, require_complete
from lab.ports import Ports
from lab.processes import Processes, Started
from lab.progress import say
from lab.render.chart import Render, render_chart
from lab.servers import PARTS, receiver, sample_traffic

VALUES = Path(__file__).with_name("values.yaml")
READY_SECONDS = 60
ANSWER_SECONDS = 5
# The message about a replaced process names at most this many changes.
SHOWN_CHANGES = 4


class Platform:
    """Storage API, checkout, Prometheus, Alertmanager, receiver and perhaps Grafana, in one lab folder.

    `values` override `value_files`, which override the lab's own values. `ports` defaults to free ports,
    `grafana_home` to the variable GRAFANA_HOME. As a context manager it starts the platform on entry and
    stops it on exit. Methods raise LabError, RenderError and ToolError.
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
        self._commands: dict[str, Command] = {}
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
        """The URL of a part: where it was started, or else where it would be started."""
        started = self.processes.all().get(part)
        return started.url if started else self.ports.url(PARTS[part].port)

    def render(self) -> Render:
        return render_chart(self._values, value_files=[VALUES, *self._value_files], root=self.root)

    def plan(self) -> Plan:
        """The commands that the values ask for; raises LabError, RenderError and ToolError."""
        render = self.render()
        require_complete(render, self._value_files)
        return make_plan(
            render, self.ports, self.folder, root=self.root, grafana_home=self._grafana_home or ""
        )

    def check(self) -> None:
        """Raises LabError for what `up` would refuse, as far as that shows before Prometheus is installed."""
        require_complete(self.render(), self._value_files)
        for name in (name for name in PARTS if name != "grafana"):
            running = self.processes.running(name)
            if getattr(self.ports, PARTS[name].port) not in (running.ports() if running else ()):
                self.ports.require_free(PARTS[name].port)

    def up(self) -> None:
        """Starts missing servers, and replaces those whose configuration or code has changed.

        Prints why a server is replaced and what the lab does differently from a cluster. If this call fails
        or is interrupted, it stops the servers that it started.
        """
        with self._lock():
            planned = self.plan()
            commands, notes = planned.commands, list(planned.notes)
            self._commands = {command.name: command for command in commands}
            stale = [c for c in commands if not self._is_current(c)]
            for command in stale:
                running = self.processes.running(command.name)
                self._require_free(command, running.ports() if running else set())
                if running:
                    notes.append(f"{command.name} is replaced ({_changed(running.changes(command))})")
            stopped = [name for name in PARTS if name not in {c.name for c in commands}]
            notes += [
                f"{name} is stopped: its program is gone" for name in stopped if self.processes.running(name)
            ]
            stopped += [command.name for command in stale]
            # The service may move to another port.
            stopped += [name for name, source in sample_traffic.SOURCES.items() if source.part in stopped]
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

    def restart(self, part: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        """Restarts a part of the last `up`, with further variables; waits until it answers, ready or not."""
        command = self._commands[part]
        with self._lock():
            self.processes.stop([part])
            self.processes.start(replace(command, environment=command.environment | dict(environment)))
        self.processes.wait(part, lambda: self._silent(part), READY_SECONDS, say)

    def down(self) -> list[str]:
        """Stops everything that was started, keeps its data, and returns the parts that were running."""
        return self.stop(list(self.processes.all())) if self.folder.is_dir() else []

    def stop(self, names: list[str]) -> list[str]:
        """Stops the named parts; returns those that were running."""
        with self._lock():
            return self.processes.stop(names)

    def send_sample_traffic(self, minutes: int) -> None:
        """Starts sample traffic in the background, unless it runs already; it ends after `minutes`."""
        with self._lock():
            for name, source in sample_traffic.SOURCES.items():
                if not self.processes.running(name):
                    url = self.url(source.part)
                    self.processes.start(sample_traffic.command(name, url, minutes, self.folder, self.root))

    def notifications(self) -> list[Notification]:
        """The notifications that Alertmanager delivered to the receiver, newest first."""
        return notifications.read(self.folder / receiver.NAME)

    def ready(self, part: str) -> bool:
        return not self.not_ready(part)

    def not_ready(self, part: str) -> str:
        """The reason why a part is not ready; empty if it is."""
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

    def _silent(self, part: str) -> str:
        """The reason why a part does not answer at all; empty if it does."""
        url = self.url(part) + PARTS[part].ready
        try:
            requests.get(url, timeout=ANSWER_SECONDS)
        except requests.RequestException:
            return f"{url} can't be reached"
        return ""

    def states(self) -> dict[str, str]:
        """The state in words of each part that was started."""
        return {name: self._state(name, started) for name, started in self.processes.all().items()}

    def _state(self, name: str, started: Started) -> str:
        if started.process() is None:
            finished = name in sample_traffic.SOURCES and sample_traffic.is_complete(Path(started.log))
            return "finished" if finished else f"ended, see {started.log}"
        if name in PARTS and (reason := self.not_ready(name)):
            return f"not ready, see {started.log}: {reason}"
        return f"running, pid {started.pid}"

    def _require_free(self, command: Command, held: Set[int] = frozenset()) -> None:
        """Raises LabError if a port of the command is taken; the process it replaces may hold `held`."""
        parts = [PARTS[command.name].port, *(["metrics"] if "METRICS_PORT" in command.environment else [])]
        for part in parts:
            if getattr(self.ports, part) not in held:
                self.ports.require_free(part)

    def _is_current(self, command: Command) -> bool:
        running = self.processes.running(command.name)
        return running is not None and not running.changes(command)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Held while a command changes what runs in the folder, so that two never do at once."""
        with using(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / "lock").open("w", encoding="utf-8")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _changed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_CHANGES]) + (", ..." if len(names) > SHOWN_CHANGES else "")
    return f"changed: {shown}"
