"""Runs drills in a lab of their own, those of different services side by side."""

import contextlib
import fcntl
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.drills import VALUES
from lab.drills.drill import Drill
from lab.drills.result import Result
from lab.drills.session import Cancel, Session
from lab.errors import LabError
from lab.folders import using
from lab.platform import Platform

_LOCK = "drills.lock"


def run_all(drills: Iterable[Drill], folder: Path, done: Callable[[Result], None]) -> list[Result]:
    """Runs the drills in a new lab in the folder, those of different parts side by side.

    Calls `done` with each result. Ends the lab and every fault, also if it is interrupted; raises LabError.
    """
    drills = list(drills)
    with _own(folder):
        platform = Platform(folder=folder, value_files=[VALUES])
        platform.down()  # of a run that was killed
        for part in set(folder.iterdir()) - {folder / _LOCK}:
            shutil.rmtree(part) if part.is_dir() else part.unlink()
        cancel = Cancel()
        with platform, ThreadPoolExecutor(2) as pool:
            try:
                session = Session(platform, cancel)
                parts = dict.fromkeys(drill.fault.part for drill in drills)
                groups = [sorted((d for d in drills if d.fault.part == part), key=_order) for part in parts]
                running = [pool.submit(session.run_group, group, done) for group in groups]
                return [result for each in running for result in each.result()]
            finally:
                cancel.set()


def _order(drill: Drill) -> tuple[float, bool, str]:
    """Burn rates first, as their theory assumes traffic without a gap; the smallest first, as bad requests
    stay in the windows for minutes. Errors come after latency, because failed requests do not count there.
    """
    return drill.expected.bad_ratio or 2.0, drill.labels.get("slo_indicator") == "availability", drill.name


@contextlib.contextmanager
def _own(folder: Path) -> Iterator[None]:
    """Keeps two runs out of one folder; raises LabError."""
    with using(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK).open("w", encoding="utf-8")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError(f"drills already run in {folder}; wait, or set another LAB_DIR") from error
        yield
