"""Installs missing programs concurrently, each in a process of its own: `python -m lab.prepare PROGRAM`.

Downloads, compilers and linkers each use a core only part of the time, so concurrent builds finish sooner.
Unlike threads, processes can be ended when the command is interrupted.
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
"""The name that stands for the preview page among the names of programs."""
FOR_UP = ("prometheus", "alertmanager", PREVIEW)
"""Programs that `make up` needs besides helm; the slowest to install comes first."""
# A failure to install these is not an error.
_OPTIONAL = {PREVIEW}


def install(names: Iterable[str]) -> None:
    """Installs those of the named programs that are missing; raises ToolError."""
    missing = [name for name in names if not _is_there(name)]
    if not missing:
        return
    say(f"installing {', '.join(missing)} into {tools_folder()} (once; builds take minutes) ...")
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for name in missing:
            command = [sys.executable, "-m", "lab.prepare", name]
            running[name] = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        output = {name: process.communicate()[0] for name, process in running.items()}
    except BaseException:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
        raise
    for name, process in running.items():
        if process.returncode and name not in _OPTIONAL:
            raise ToolError(output[name].strip() or f"{name}: exit code {process.returncode}")


def _is_there(name: str) -> bool:
    return preview_bundle.built() if name == PREVIEW else is_there(toolchain.PROGRAMS[name], name)


def _main(name: str) -> int:
    """Installs one program. Errors go to stdout, for the parent process; progress goes to stderr."""
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
