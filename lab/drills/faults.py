"""The faults of drills: each is on inside a `with` block, and off after it even if it is interrupted."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import requests

from lab.errors import LabError
from lab.platform import Platform
from lab.servers import PARTS

ANSWER_SECONDS = 10
READ_SECONDS = 0.3
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGSTOP": signal.SIGSTOP}


@dataclass(frozen=True)
class Fault:
    """A fault in one part of the lab; the fields that are set are in effect together."""

    part: str
    """A server of the lab, such as `checkout`."""
    faults: Mapping[str, Any] = field(default_factory=dict)
    """Sent to the part's `/faults`, such as `{error_ratio: 1}`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The part is restarted with these variables, as an update with wrong settings would."""
    signal: str = ""
    """SIGKILL: the process ends, and is started again later. SIGSTOP: it hangs until the fault is off."""
    away: str = ""
    """A folder below the part's own that is moved away."""
    damage: str = ""
    """A folder below the part's own: a new object's file there is damaged, and it is read often."""

    @contextlib.contextmanager
    def active(self, platform: Platform) -> Iterator[None]:
        """Inside the block the fault is on; raises LabError if it can't be switched on or off."""
        with contextlib.ExitStack() as stack:
            if self.environment:
                stack.callback(platform.restart, self.part)
                platform.restart(self.part, self.environment)
            if self.faults:
                stack.callback(_request, "DELETE", platform, self.part)
                _request("PUT", platform, self.part, self.faults)
            if self.damage:
                folder = platform.folder / self.part / self.damage
                stack.enter_context(_damaged(platform.url(self.part), folder))
            if self.away:
                stack.enter_context(_moved(platform.folder / self.part / self.away))
            if self.signal:
                stack.enter_context(_signalled(platform, self.part, self.signal))
            yield


def read_fault(found: Mapping[str, Any]) -> Fault:
    """The fault of a drill's file; raises LabError."""
    allowed = [field.name for field in fields(Fault)]
    if unknown := sorted(set(found) - set(allowed)):
        raise LabError(f"fault: {unknown[0]} is unknown; use {', '.join(allowed)}")
    fault = Fault(**{"part": "", **found})
    if fault.part not in PARTS:
        raise LabError(f"fault.part: {fault.part} is unknown; use {', '.join(PARTS)}")
    if fault.signal not in ("", *SIGNALS):
        raise LabError(f"fault.signal: {fault.signal} is unknown; use {', '.join(SIGNALS)}")
    if fault == Fault(fault.part):
        raise LabError(f"fault: set one of {', '.join(allowed[1:])}")
    return fault


def _request(method: str, platform: Platform, part: str, body: Mapping[str, Any] | None = None) -> None:
    try:
        answer = requests.request(method, f"{platform.url(part)}/faults", json=body, timeout=ANSWER_SECONDS)
    except requests.RequestException as error:
        raise LabError(f"{part} does not take the fault: {type(error).__name__}") from error
    if not answer.ok:
        raise LabError(f"{part} refuses the fault: {' '.join(answer.text.split())}")


@contextlib.contextmanager
def _moved(folder: Path) -> Iterator[None]:
    away = folder.with_name(f"{folder.name}.away")
    folder.rename(away)
    try:
        yield
    finally:
        # The part may have made a new folder in the meantime.
        with contextlib.suppress(FileNotFoundError):
            folder.rename(folder.with_name(f"{folder.name}.new"))
        away.rename(folder)


@contextlib.contextmanager
def _damaged(url: str, folder: Path) -> Iterator[None]:
    target = f"{url}/api/buckets/drill-damaged"
    before = set(folder.iterdir())
    requests.put(target, data=b"damaged by a drill", timeout=ANSWER_SECONDS).raise_for_status()
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(READ_SECONDS):
            with contextlib.suppress(requests.RequestException):
                requests.get(target, timeout=ANSWER_SECONDS)

    reader = threading.Thread(target=read, daemon=True)
    try:
        # Sample traffic stores and deletes other objects at the same time.
        for file in set(folder.iterdir()) - before:
            with contextlib.suppress(FileNotFoundError):
                data = file.read_bytes()
                if b"damaged by a drill" in data:
                    file.write_bytes(data.replace(b"damaged", b"DAMAGED"))
        reader.start()
        yield
    finally:
        ended.set()
        if reader.ident:
            reader.join()
        requests.delete(target, timeout=ANSWER_SECONDS)


@contextlib.contextmanager
def _signalled(platform: Platform, part: str, name: str) -> Iterator[None]:
    started = platform.processes.running(part)
    process = started and started.process()
    if process is None:
        raise LabError(f"{part} does not run")
    process.send_signal(SIGNALS[name])
    try:
        yield
    finally:
        if name == "SIGSTOP":
            process.send_signal(signal.SIGCONT)
        else:
            platform.restart(part)
