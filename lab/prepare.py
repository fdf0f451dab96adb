"""Installs what is missing, all at the same time: `python -m lab.prepare PROGRAM` for each.

Downloads, compilers and linkers keep one core busy in turns; processes end with the one that started them.
"""

import signal
import subprocess
import sys
from collections.abc import Iterable

from lab import ROOT, preview_bundle, toolchain
from lab.errors import LabError
from lab.folders import tools_folder
from lab.toolchain import ToolError
from lab.toolchain.install import is_there, say

PREVIEW = "preview"
"""The dashboards' page, among the names of programs."""
FOR_UP = ("prometheus", "alertmanager", PREVIEW)
"""What `make up` runs beside helm; the one that takes longest first."""
# What can be done without.
_OPTIONAL = {PREVIEW}


def install(names: Iterable[str]) -> None:
    """Has each of the programs, by name, in the tools folder or on PATH; raises ToolError."""
    missing = [name for name in names if not _is_there(name)]
    if not missing:
        return
    say(
        f"installing {', '.join(missing)} into {tools_folder()}, once; what has to be built takes minutes ..."
    )
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for name in missing:
            command = [sys.executable, "-m", "lab.prepare", name]
            running[name] = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        said = {name: process.communicate()[0] for name, process in running.items()}
    except BaseException:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
        raise
    for name, process in running.items():
        if process.returncode and name not in _OPTIONAL:
            raise ToolError(said[name].strip() or f"{name}: its installation ended with {process.returncode}")


def _is_there(name: str) -> bool:
    return preview_bundle.built() if name == PREVIEW else is_there(toolchain.PROGRAMS[name], name)


def _main(name: str) -> int:
    """Errors go to stdout, for the process that waits; progress goes to stderr."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if name == PREVIEW:
            preview_bundle.build()
        else:
            toolchain.find(name)
    except (LabError, ToolError) as error:
        print(error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
