"""Processes are started once, found again by other commands, and no others are stopped."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from lab.command import Command
from lab.errors import LabError
from lab.processes import Processes, Started
from tests.support.waiting import wait_until

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture
def processes(tmp_path):
    made = Processes(tmp_path)
    yield made
    made.stop(list(made.all()))


def wait(processes: Processes, not_ready, seconds: float) -> None:
    processes.wait("part", not_ready, seconds, lambda _: None)


def command(tmp_path: Path, *arguments: str, **more) -> Command:
    return Command("part", arguments or SLEEP, {}, tmp_path / "part", **more)


def test_a_started_process_is_found_by_another_command(processes, tmp_path):
    started = processes.start(command(tmp_path))
    assert Processes(tmp_path).running("part") == started
    assert started.process().pid == started.pid


def test_a_stopped_process_ends_and_is_forgotten(processes, tmp_path):
    started = processes.start(command(tmp_path))
    assert processes.stop(["part"]) == ["part"]
    assert not psutil.pid_exists(started.pid)
    assert processes.all() == {}
    assert processes.stop(["part"]) == []


@pytest.mark.parametrize("step", ["Popen", "create_time"])
def test_a_process_whose_start_is_interrupted_can_still_be_stopped(processes, tmp_path, monkeypatch, step):
    """Ctrl-C between the start of a process and its record used to leave it running after `make up`."""
    where = {"Popen": subprocess, "create_time": psutil.Process}[step]
    real = getattr(where, step)

    def interrupted(*arguments, **options):
        done = real(*arguments, **options)
        signal.raise_signal(signal.SIGINT)
        return done

    monkeypatch.setattr(where, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        processes.start(command(tmp_path))
    monkeypatch.undo()
    assert processes.running("part")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_process_that_ignores_sigterm_is_killed(processes, tmp_path, monkeypatch):
    monkeypatch.setattr("lab.processes.STOP_SECONDS", 0.2)
    deaf = "trap '' TERM; echo deaf; while :; do sleep 1; done"
    started = processes.start(command(tmp_path, "/bin/sh", "-c", deaf))
    wait(processes, lambda: "" if "deaf" in Path(started.log).read_text() else "it is silent", 10)
    assert processes.stop(["part"]) == ["part"]
    assert not psutil.pid_exists(started.pid)


def test_a_zombie_counts_as_ended(tmp_path):
    """Its parent may never reap it, such as the first process of a container: a stop must not wait for it."""
    never_reaps = ["/bin/sh", "-c", "sleep 60 & echo $!; exec sleep 60"]
    with subprocess.Popen(never_reaps, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        # Until it is `sleep`, the parent is a shell, which may reap its child.
        wait_until(lambda: psutil.Process(parent.pid).name() == "sleep")
        started = Started(child.pid, child.create_time(), {}, "", "")
        (tmp_path / "state.json").write_text(json.dumps({"part": dataclasses.asdict(started)}))
        begun = time.monotonic()
        assert Processes(tmp_path).stop(["part"]) == ["part"]
        assert child.status() == psutil.STATUS_ZOMBIE
        assert time.monotonic() - begun < 10
        parent.kill()


def test_a_process_whose_main_thread_has_ended_still_runs(processes, tmp_path):
    """It is called a zombie like one that has ended, but it still holds its ports."""
    code = (
        "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); "
        "ctypes.PyDLL(None).pthread_exit(None)"
    )
    started = processes.start(command(tmp_path, sys.executable, "-c", code))
    wait_until(lambda: psutil.Process(started.pid).status() == psutil.STATUS_ZOMBIE)
    assert processes.running("part") == started


def test_a_process_that_reuses_a_pid_is_not_stopped(processes, tmp_path):
    started = processes.start(command(tmp_path))
    state = tmp_path / "state.json"
    other = dataclasses.asdict(started) | {"created": started.created - 100}
    state.write_text(json.dumps({"part": other}))
    assert processes.running("part") is None
    assert processes.stop(["part"]) == []
    assert psutil.pid_exists(started.pid)
    state.write_text(json.dumps({"part": dataclasses.asdict(started)}))


def test_a_process_that_ends_at_start_is_reported_with_its_last_line(processes, tmp_path):
    processes.start(command(tmp_path, sys.executable, "-c", "raise SystemExit('no such port')"))
    with pytest.raises(LabError, match=r"part ended during startup: no such port \(log: .*part\.log\)"):
        wait(processes, lambda: "nobody listens", 10)


def test_a_process_that_is_never_ready_is_reported(processes, tmp_path):
    processes.start(command(tmp_path))
    started = time.monotonic()
    with pytest.raises(LabError, match=r"part is not ready after 0 s: nobody listens \(log: .*part\.log\)"):
        wait(processes, lambda: "nobody listens", 0.3)
    assert time.monotonic() - started < 5


def test_waiting_for_a_process_is_reported_with_the_reason(processes, tmp_path, monkeypatch):
    monkeypatch.setattr("lab.processes.WAITING_SECONDS", 0.05)
    processes.start(command(tmp_path))
    said = []
    with pytest.raises(LabError):
        processes.wait("part", lambda: "/readyz answers 503", 0.5, said.append)
    assert said[0] == "waiting for part: /readyz answers 503"


def test_files_of_a_command_are_written_to_its_folder(processes, tmp_path):
    processes.start(command(tmp_path, files={"rules/a.yaml": "groups: []"}))
    assert (tmp_path / "part" / "rules" / "a.yaml").read_text() == "groups: []"


@pytest.mark.parametrize(
    "change, names",
    [
        ({"arguments": (*SLEEP, "other")}, ["arguments"]),
        ({"environment": {"A": "1"}}, ["A"]),
        ({"files": {"rules/a.yaml": "1"}}, ["rules/a.yaml"]),
        ({"source": "another"}, ["source"]),
    ],
    ids=str,
)
def test_a_changed_command_names_its_changes(processes, tmp_path, change, names):
    one = command(tmp_path)
    started = processes.start(one)
    assert started.changes(dataclasses.replace(one)) == []
    assert started.changes(dataclasses.replace(one, **change)) == names


def test_a_reinstalled_program_counts_as_a_changed_source(processes, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    one = command(tmp_path, str(program))
    started = processes.start(one)
    assert started.changes(one) == []
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    assert started.changes(one) == ["source"]


def test_a_process_inherits_only_the_variables_that_it_needs(processes, tmp_path, monkeypatch):
    monkeypatch.setenv("STORE", "elsewhere")
    code = "import os; print(sorted(k for k in os.environ if k in ('STORE', 'GIVEN', 'PATH')), flush=True)"
    started = processes.start(
        Command("part", (sys.executable, "-c", code), {"GIVEN": "1"}, tmp_path / "part")
    )
    started.process().wait(10)
    assert Path(started.log).read_text() == "['GIVEN', 'PATH']\n"


def test_a_broken_state_file_is_reported_in_one_line(tmp_path):
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(LabError, match=r"the state file .*state\.json can't be read"):
        Processes(tmp_path).all()
