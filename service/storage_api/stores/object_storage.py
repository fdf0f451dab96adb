"""Objects in a bucket of S3 or of what speaks its protocol; any number of replicas may share it.

Keys are `objects/<SHA-256 of the id>`: "." and ".." can be no key, and servers differ in what else they fold
or refuse (backslashes, long names). The id itself is kept as metadata, in base64, as metadata is ASCII (at
most 1,360 of the 2,048 bytes that S3 allows).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from .base import Store, Stored, StoreError


class ObjectStorageStore(Store):
    """A bucket that exists; credentials come from the usual AWS_* variables or the platform's identity."""

    def __init__(self, bucket: str, endpoint: str | None = None, region: str | None = None) -> None:
        """Name the bucket; nothing is sent yet, see `check`. Raises StoreError for AWS_* that can't be used.

        `endpoint` is the URL of a server other than AWS; `region` defaults to AWS_REGION, then us-east-1.
        """
        self._bucket = bucket
        settings = {key: value for key, value in (("endpoint", endpoint), ("region", region)) if value}
        plain = (endpoint or "").startswith("http://")

        def connect(seconds: int, retries: int) -> S3Store:
            return S3Store(
                bucket,
                **settings,
                client_options={"allow_http": plain, "connect_timeout": "5s", "timeout": f"{seconds}s"},
                retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=seconds)},
            )

        with self._errors():
            self._store = connect(seconds=20, retries=3)
            # Probes come again by themselves; slow ones would pile up.
            self._probe = connect(seconds=5, retries=1)
        self._reached = False

    def put(self, id: str, body: BinaryIO) -> None:
        data = body.read()
        with self._errors():
            metadata = {"id": base64.b64encode(id.encode()).decode()}
            # One request, so that an object is there whole or not at all.
            obstore.put(self._store, _key(id), data, attributes=metadata, use_multipart=False)

    def get(self, id: str) -> Stored | None:
        with self._errors():
            try:
                # The whole of it: a bucket that fails half-way is still an error with a status of its own.
                data = bytes(obstore.get(self._store, _key(id)).bytes())
            except FileNotFoundError:
                return None
        return Stored(len(data), io.BytesIO(data))

    def delete(self, id: str) -> bool:
        """As `Store.delete`; of two calls at the same moment both may say True: S3 deletes without a word."""
        with self._errors():
            try:
                obstore.head(self._store, _key(id))
            except FileNotFoundError:
                return False
            obstore.delete(self._store, _key(id))
            return True

    def usage(self) -> None:
        """None: other replicas write too, and only listing the whole bucket would tell."""

    def check(self) -> None:
        """Raise StoreError until the bucket has answered once.

        Not later: replicas that all leave the load balancer when the bucket is away would help nobody, and
        the failed requests show what is wrong.
        """
        if not self._reached:
            with self._errors():
                next(iter(obstore.list(self._probe, prefix="readyz")), None)
            self._reached = True

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            # What follows "Debug source" is the library's inner state, over many lines.
            words = str(error).partition("Debug source")[0].split()
            raise StoreError(f"bucket {self._bucket}: {' '.join(words)}") from None


def _key(id: str) -> str:
    return f"objects/{hashlib.sha256(id.encode()).hexdigest()}"
