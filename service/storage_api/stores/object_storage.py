"""Objects in a bucket of S3 (or a compatible server), Google Cloud or Azure; replicas may share it.

Keys are made from ids, see `keys`. Metadata hold what neither the key nor the server knows: `id`, in base64
as they are ASCII (at most 1,360 of the 2,048 bytes that S3 allows), `sha256`, which is the etag, and the
`encoding`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import mmap
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

if TYPE_CHECKING:  # Only for type hints.
    from obstore import GetResult, UpdateVersion

from .base import (
    DEFAULT_CONTENT_TYPE,
    METADATA_CHARACTERS,
    NO_METADATA,
    Condition,
    Metadata,
    Object,
    Page,
    PreconditionFailed,
    Select,
    Store,
    Stored,
    StoreError,
)
from .keys import CUT_BYTES, FOLDER, before, bytes_of, key_of
from .object_stream import ObjectStream
from .spool import Spool

PART_BYTES = 8 * 1024 * 1024
"""Size of the parts in which a large object is sent; S3 requires at least 5 MiB."""
PARTS = 10_000
"""Most parts that S3 accepts."""
ATTRIBUTES = {field: field for field in METADATA_CHARACTERS} | {"Content-Encoding": "encoding"}
"""{header field: attribute that keeps it}. The encoding is metadata of our own: with the attribute, Google
Cloud would decompress the object on its way to us, and return other bytes than were put."""
ATTEMPTS = 5
"""How often an operation is tried when other writers change the object meanwhile."""

_CREDENTIALS = re.compile(r"(AWS|AZURE|GOOGLE)_.*(KEY|SECRET|TOKEN|SAS|CREDENTIALS|SERVICE_ACCOUNT).*")


def s3(bucket: str, endpoint: str | None = None, region: str | None = None) -> ObjectStorageStore:
    """A store in an existing bucket; credentials come from the AWS_* variables or the platform's identity.

    `endpoint` is the URL of a server other than AWS; `region` defaults to AWS_REGION, then us-east-1. Nothing
    is sent yet, see `check`. Raises StoreError for invalid AWS_* variables.
    """
    return ObjectStorageStore(f"bucket {bucket}", S3Store, bucket, endpoint=endpoint, region=region)


def gcs(bucket: str, endpoint: str | None = None) -> ObjectStorageStore:
    """Like `s3`, with the GOOGLE_* variables."""
    return ObjectStorageStore(f"bucket {bucket}", GCSStore, bucket, base_url=endpoint)


def azure(account: str, container: str, endpoint: str | None = None) -> ObjectStorageStore:
    """Like `s3`, with the AZURE_* variables."""
    return ObjectStorageStore(
        f"container {container}", AzureStore, container, account_name=account, endpoint=endpoint
    )


class ObjectStorageStore(Store):
    """A store in a bucket or container; made by `s3`, `gcs` and `azure`."""

    def __init__(
        self, name: str, backend: Callable[..., ObjectStore], bucket: str, **settings: str | None
    ) -> None:
        self._name = name
        given = {key: value for key, value in settings.items() if value}
        allow_http = any(value.startswith("http://") for value in given.values())

        def connect(seconds: int, retries: int) -> ObjectStore:
            limit = timedelta(seconds=seconds)
            return backend(
                bucket,
                **given,
                client_options={
                    "allow_http": allow_http,
                    "connect_timeout": "5s",
                    "read_timeout": limit,
                    # A slow client may take long to read what the server has sent.
                    "timeout": timedelta(days=1),
                },
                retry_config={"max_retries": retries, "retry_timeout": limit},
            )

        with self._errors():
            self._store = connect(seconds=20, retries=3)
            # Probes repeat anyway; with long timeouts they would pile up.
            self._probe = connect(seconds=5, retries=1)
        self._reached = False

    def put(
        self,
        id: str,
        body: BinaryIO,
        *,
        content_type: str = DEFAULT_CONTENT_TYPE,
        metadata: Metadata = NO_METADATA,
        condition: Condition | None = None,
    ) -> str:
        """Like `Store.put`. With a condition the object is sent in one request, of at most 5 GiB on S3."""
        etag = hashlib.file_digest(body, "sha256").hexdigest()
        attributes = {
            "Content-Type": content_type,
            "id": base64.b64encode(id.encode()).decode(),
            "sha256": etag,
            **{ATTRIBUTES[field]: value for field, value in metadata.items()},
        }
        with self._errors(), _bytes_of(body) as data:
            send = partial(obstore.put, self._store, key_of(id), data, attributes=attributes)
            if condition is None:
                send(chunk_size=max(PART_BYTES, -(-len(data) // PARTS)), max_concurrency=2)
                return etag
            for _ in range(ATTEMPTS):
                found = self._head(key_of(id))
                if not condition(_object(id, found).etag if found else None):
                    raise PreconditionFailed
                with contextlib.suppress(AlreadyExistsError, PreconditionError, FileNotFoundError):
                    send(mode=_version(found) if found else "create")
                    return etag
        raise self._too_many_changes(id)

    def get(self, id: str, select: Select | None = None) -> Stored | None:
        with self._errors():
            if select is None:
                try:
                    found = obstore.get(self._store, key_of(id))
                except FileNotFoundError:
                    return None
                object = _object(id, found)
                return Stored(object, ObjectStream(found, self._errors, object))
            for _ in range(ATTEMPTS):
                known = self._head(key_of(id))
                if known is None:
                    return None
                object = _object(id, known)
                first, end = select(object)
                if first == end:
                    return Stored(object, io.BytesIO())
                options = {"range": (first, end), "if_match": known.meta["e_tag"]}
                with contextlib.suppress(PreconditionError, FileNotFoundError):
                    found = obstore.get(self._store, key_of(id), options=options)
                    return Stored(
                        object,
                        ObjectStream(found, self._errors, object if end - first == object.size else None),
                    )
        raise self._too_many_changes(id)

    def head(self, id: str) -> Object | None:
        with self._errors():
            found = self._head(key_of(id))
            return _object(id, found) if found else None

    def delete(self, id: str, condition: Condition | None = None) -> bool:
        """Like `Store.delete`, but not atomic: servers delete whatever is there, and most do not say what.

        Two concurrent calls may both return True; an object that is put between the check and the deletion is
        deleted too.
        """
        with self._errors():
            found = self._head(key_of(id))
            if found is None:
                return False
            if condition and not condition(_object(id, found).etag):
                raise PreconditionFailed
            try:
                obstore.delete(self._store, key_of(id))
            except FileNotFoundError:
                return False
            return True

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page:
        """Like `Store.list`, without etags and media types, which would take a request for each object.

        An id that is too long for its key does take a request.
        """
        found: list[Object] = []
        with self._errors():
            for object in self._objects(prefix, after):
                if len(found) == limit:
                    return Page(found, found[-1].id)
                found.append(object)
        return Page(found, None)

    def _objects(self, prefix: str, after: str | None) -> Iterator[Object]:
        offset = max(before(prefix), key_of(after)) if after is not None else before(prefix)
        start = prefix.encode()[:CUT_BYTES]
        for metas in obstore.list(self._store, FOLDER, offset=offset):
            for meta in metas:
                if meta["path"] <= offset:
                    continue  # Not every server supports offsets.
                try:
                    data, whole = bytes_of(meta["path"])
                except ValueError:
                    continue  # Not a key of ours.
                if not data.startswith(start):
                    return
                id = data.decode() if whole else self._id_in_metadata(meta["path"])
                if id is not None and id.startswith(prefix):
                    yield Object(id, meta["size"], None, None)

    def _id_in_metadata(self, key: str) -> str | None:
        """The id in the metadata of `key`; None if the object is gone or not ours."""
        found = self._head(key)
        return (
            base64.b64decode(found.attributes["id"]).decode() if found and "id" in found.attributes else None
        )

    def usage(self) -> None:
        """Always None: other replicas write too, so only listing the whole bucket would give the numbers."""

    def spool(self) -> Spool:
        """A temporary file (in TMPDIR): a body is only sent on once its hash is known."""
        spool = Spool(Path(tempfile.gettempdir()))
        spool.become_nameless()
        return spool

    def check(self) -> None:
        """Raise StoreError until the bucket has answered once.

        Never after that: if the bucket is unavailable, it does not help if all replicas leave the load
        balancer, and failed requests show what is wrong.
        """
        if not self._reached:
            with self._errors():
                next(iter(obstore.list(self._probe, prefix="readyz")), None)
            self._reached = True

    def _head(self, key: str) -> GetResult | None:
        try:
            return obstore.get(self._store, key, options={"head": True})
        except FileNotFoundError:
            return None

    def _too_many_changes(self, id: str) -> StoreError:
        return StoreError(f"{self._name}: {id!r} is being changed too often")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            # "Debug source" is followed by the library's internal state, over many lines.
            words = _without_credentials(str(error).partition("Debug source")[0]).split()
            raise StoreError(f"{self._name}: {' '.join(words)}") from None


def _without_credentials(text: str) -> str:
    """The text of an error, with the values of variables that may be credentials replaced by their names.

    The library quotes file names, instead of which a key may have been set, and content that it can't parse.
    """
    for name, value in os.environ.items():
        # A shorter value could occur within words.
        if len(value) >= 8 and _CREDENTIALS.fullmatch(name):
            text = text.replace(value, name)
    return re.sub(r"invalid (type|value): .*, expected", r"invalid \1, expected", text, flags=re.DOTALL)


def _object(id: str, found: GetResult) -> Object:
    etag = found.attributes.get("sha256")
    if etag is None:
        raise StoreError(f"{found.meta['path']} was not stored by this service: its metadata have no sha256")
    content_type = found.attributes.get("Content-Type", DEFAULT_CONTENT_TYPE)
    metadata = {field: value for field, name in ATTRIBUTES.items() if (value := found.attributes.get(name))}
    return Object(id, found.meta["size"], etag, content_type, metadata)


def _version(found: GetResult) -> UpdateVersion:
    """The version that a change is conditional on: an etag on S3 and Azure, a version on Google Cloud."""
    return {name: value for name in ("e_tag", "version") if (value := found.meta[name])}


@contextlib.contextmanager
def _bytes_of(body: BinaryIO) -> Iterator[memoryview | bytes | mmap.mmap]:
    """The content of `body`, without a copy if it is a file."""
    if isinstance(body, io.BytesIO):
        # Not a view: the library may hold one for longer than the body exists.
        yield body.getvalue()
    elif not os.fstat(body.fileno()).st_size:
        yield b""
    else:
        with mmap.mmap(body.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data
