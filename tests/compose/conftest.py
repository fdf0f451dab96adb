"""Compose files as `docker compose` reads them."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from lab.toolchain import ToolError, checks
from tests.support.compose import COMPOSE, VARIABLES


@pytest.fixture(scope="session")
def load(missing_part) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that parses compose files, by path, with only these variables set."""
    try:
        program = checks.compose_config()
    except ToolError as error:
        missing_part(str(error))

    def run(*files: Any, variables: dict[str, str] = VARIABLES) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *files], env=variables, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture(scope="session")
def project(load) -> dict[str, Any]:
    """The parsed project, with the example of a service of one's own."""
    done = load(COMPOSE / "compose.yaml", COMPOSE / "compose.checkout.yaml")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
