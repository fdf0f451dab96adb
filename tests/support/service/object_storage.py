"""A real S3 server (SeaweedFS) on loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

import requests
from obstore.store import S3Store

from tests.support.waiting import wait_until

WEED = Path(sys.executable).with_name("weed")


class ObjectStorage:
    """A running SeaweedFS, with its S3 endpoint and the settings of a service that uses it."""

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
        """Return a client of our own, independent of the service."""
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


@contextmanager
def running() -> Iterator[ObjectStorage]:
    """An S3 server with the bucket `objects`, in a temporary folder; WEED must exist."""
    names = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    with ExitStack() as taken:
        sockets = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        ports = {name: taken.getsockname()[1] for name, taken in zip(names, sockets, strict=True)}
    # Not pytest's folder: its paths are too long for a Unix socket.
    with tempfile.TemporaryDirectory(prefix="s3-") as folder:
        storage = ObjectStorage(Path(folder), ports)
        try:

            def answers() -> bool:
                assert storage.process.poll() is None, (Path(folder) / "log").read_text()[-2000:]
                return requests.get(f"{storage.endpoint}/status", timeout=10).ok

            wait_until(answers, 60, "SeaweedFS answers", every=0.1, despite=OSError)
            storage.make_bucket("objects")
            yield storage
        finally:
            # A graceful end would take half a minute, and the data are temporary.
            storage.process.kill()
            storage.process.wait()
