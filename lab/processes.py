"""Background processes: start them, find them again in a later command, stop exactly those."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from lab.command import Command
from lab.errors import LabError
from lab.folders import using
from lab.progress import progress

STOP_SECONDS = 20
WAITING_SECONDS = 3.0
# The kernel derives a process's creation time from the wall clock, so setting the clock shifts it.
CLOCK_SECONDS = 5
# Variables passed on from the caller's environment; all others come from the command.
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ")


@dataclass(frozen=True)
class Started:
    """A process as recorded in the state file."""

    pid: int
    created: float
    """Creation time in seconds since the epoch: the pid may have been reused since."""
    fingerprint: dict[str, str]
    log: str
    url: str

    def process(self) -> psutil.Process | None:
        """The process if it still runs, or None."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < CLOCK_SECONDS
        except psutil.NoSuchProcess:
            return None
        return process if same and not _has_ended(process) else None

    def changes(self, command: Command) -> list[str]:
        """Names of what differs from the command as started: `source`, `arguments`, variables, files."""
        old, new = self.fingerprint, command.fingerprint
        return [name for name in sorted(old | new) if old.get(name) != new.get(name)]

    def ports(self) -> set[int]:
        """The local ports that the process listens on; empty if it has ended."""
        process = self.process()
        with contextlib.suppress(psutil.NoSuchProcess):
            connections = process.net_connections("tcp") if process else ()
            return {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
        return set()


class Processes:
    """The processes of one lab folder, recorded in its state file.

    A process has the name of its part, such as `prometheus`; its log is `logs/<name>.log`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "state.json"
        self._children: list[subprocess.Popen[bytes]] = []

    def all(self) -> dict[str, Started]:
        """Every process that was started and not stopped, even if it ended by itself; raises LabError."""
        with using(self.folder):
            try:
                state = json.loads(self._state.read_text(encoding="utf-8"))
            except FileNotFoundError:
                return {}
            except ValueError as error:
                raise LabError(f"the state file {self._state} can't be read: {error}") from error
        return {name: Started(**item) for name, item in state.items()}

    def running(self, name: str) -> Started | None:
        started = self.all().get(name)
        return started if started and started.process() else None

    def start(self, command: Command) -> Started:
        """Writes the command's files, starts it and records it in the state file."""
        log = self.folder / "logs" / f"{command.name}.log"
        with using(self.folder):
            for folder in (log.parent, command.folder):
                folder.mkdir(parents=True, exist_ok=True)
            for path, text in command.files.items():
                target = command.folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            output = log.open("w", encoding="utf-8")
        # A process that is interrupted before the state file names it could not be stopped later.
        with output, _uninterrupted():
            process = subprocess.Popen(
                command.arguments,
                cwd=command.folder,
                env={key: os.environ[key] for key in _INHERITED if key in os.environ} | command.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal reaches only the lab, which then stops its processes.
                start_new_session=True,
            )
            self._children.append(process)
            created = psutil.Process(process.pid).create_time()
            started = Started(process.pid, created, command.fingerprint, str(log), command.url)
            self._write({**self.all(), command.name: started})
        return started

    def wait(
        self, name: str, not_ready: Callable[[], str], seconds: float, say: Callable[[str], None]
    ) -> None:
        """Waits until `not_ready()` returns an empty reason, and reports the reason every few seconds.

        Raises LabError after `seconds`, and with the log's last line if the process ends first.
        """
        started = self.all()[name]
        reason = "not checked yet"

        def line() -> str:
            return f"waiting for {name}: {reason}"

        deadline = time.monotonic() + seconds
        with progress(say, line, WAITING_SECONDS):
            while reason := not_ready():
                if started.process() is None:
                    raise LabError(
                        f"{name} ended during startup: {last_line(Path(started.log))} (log: {started.log})"
                    )
                if time.monotonic() > deadline:
                    raise LabError(
                        f"{name} is not ready after {seconds:.0f} s: {reason} (log: {started.log})"
                    )
                time.sleep(0.1)  # before it is asked again

    def stop(self, names: list[str]) -> list[str]:
        """Terminates the named processes, kills those that do not end; returns those that were running."""
        state = self.all()
        found = {name: process for name in names if name in state and (process := state[name].process())}
        left = list(found.values())
        for end in (psutil.Process.terminate, psutil.Process.kill):
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    end(process)
            left = _still_running(left, STOP_SECONDS)
        self._children = [child for child in self._children if child.poll() is None]
        self._write({name: started for name, started in state.items() if name not in names})
        return list(found)

    def _write(self, state: Mapping[str, Started]) -> None:
        if not state:
            self._state.unlink(missing_ok=True)
            return
        temporary = self._state.with_suffix(".tmp")
        temporary.write_text(json.dumps({name: asdict(one) for name, one in state.items()}, indent=2))
        temporary.replace(self._state)


def _still_running(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Waits until these processes have ended, and returns those that have not after `seconds`."""
    deadline = time.monotonic() + seconds
    while processes and time.monotonic() < deadline:
        _, processes = psutil.wait_procs(processes, timeout=0.05)
        processes = [process for process in processes if not _has_ended(process)]
    return processes


def _has_ended(process: psutil.Process) -> bool:
    """True if it is gone, or a zombie: its parent, such as a container's PID 1, may never reap it."""
    try:
        # A process whose main thread alone has ended is called a zombie too.
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delays SIGINT and SIGTERM until the block ends; other threads than the main one never get them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    with contextlib.ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.signal(number, lambda number, _: received.append(number))
            stack.callback(signal.signal, number, handler)
        yield
    for number in received:
        signal.raise_signal(number)


def last_line(log: Path) -> str:
    """The last non-empty line of a log."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "no output")
