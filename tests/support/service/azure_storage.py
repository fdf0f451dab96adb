"""A real Azure Blob Storage emulator (Azurite) on loopback."""

from __future__ import annotations

import base64
import hmac
import socket
import subprocess
from email.utils import formatdate
from pathlib import Path
from types import MappingProxyType

import requests
from obstore.store import AzureStore


class AzureStorage:
    """A running Azurite, with its endpoint and the settings of a service that uses it."""

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
        """Return a client of our own, independent of the service."""
        return AzureStore(
            container,
            account_name=self.ACCOUNT,
            account_key=self._key,
            endpoint=self.endpoint,
            client_options={"allow_http": True},
        )

    def make_bucket(self, container: str) -> None:
        """Create a container through the REST API (Create Container with Shared Key): the client cannot."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        canonical = [f"{name}:{value}" for name, value in headers.items()]
        resource = f"/{self.ACCOUNT}/{self.ACCOUNT}/{container}\nrestype:container"
        signed = "\n".join(["PUT", *[""] * 11, *canonical, resource])
        signature = hmac.digest(base64.b64decode(self._key), signed.encode(), "sha256")
        headers["Authorization"] = f"SharedKey {self.ACCOUNT}:{base64.b64encode(signature).decode()}"
        target = f"{self.endpoint}/{container}?restype=container"
        requests.put(target, headers=headers, timeout=10).raise_for_status()
