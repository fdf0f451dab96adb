"""Azurite's Blob service, the local substitute for Azure's in the tests of object storage."""

import shutil
import subprocess
from pathlib import Path

from lab.toolchain.install import Family, ToolError, Way, WayError, resolve
from lab.toolchain.node import npm

_MODULE = Path(__file__).with_name("npm") / "azurite"
_MAIN = "node_modules/azurite/dist/src/blob/main.js"


def _from_npm(target: Path) -> None:
    shutil.copytree(_MODULE, target, dirs_exist_ok=True)
    try:
        command, environment = npm()
        # One retry, so that a missing registry fails within seconds instead of minutes.
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error"]
        done = subprocess.run(
            [*command, "ci", *options],
            cwd=target,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except (ToolError, OSError) as error:
        raise WayError(str(error)) from error
    if done.returncode != 0:
        raise WayError(f"npm ci: {(done.stderr.strip() or 'it failed').splitlines()[-1]}")
    program = target / "azurite-blob"
    node = shutil.which("node", path=environment["PATH"])
    program.write_text(f'#!/bin/sh\nexec "{node}" "$(dirname "$0")/{_MAIN}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)


AZURITE = Family(
    name="azurite-blob",
    # renovate: datasource=npm depName=azurite
    version="3.35.0",
    programs=("azurite-blob",),
    version_arguments=("--version",),
    accepts=lambda version: version >= (3, 30, 0),
    wants="3.30 or newer",
    ways=(Way("its npm packages (190 MB, once)", _from_npm),),
)


def azurite() -> Path:
    return resolve(AZURITE, "azurite-blob")
