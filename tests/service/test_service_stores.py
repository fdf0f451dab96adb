"""One contract for every store, and what the filesystem store promises beyond it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import random
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import obstore
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage_api import config
from storage_api.stores import FilesystemStore, Store, StoreError, Usage, open_store
from storage_api.stores import object_storage as buckets
from storage_api.stores.object_storage import ObjectStorageStore


def put(store: Store, id: str, data: bytes) -> None:
    store.put(id, io.BytesIO(data))


def get(store: Store, id: str) -> bytes | None:
    found = store.get(id)
    if found is None:
        return None
    with found.body as body:
        data = body.read(found.object.size)
    assert len(data) == found.object.size
    assert hashlib.sha256(data).hexdigest() == found.object.etag
    return data


@pytest.fixture(params=["filesystem", "memory", "s3"])
def store(request, tmp_path, monkeypatch):
    settings = {"STORE": request.param, "STORE_PATH": str(tmp_path / "data")}
    if request.param == "s3":
        storage = request.getfixturevalue("object_storage")
        settings |= storage.settings("objects")
        for name, value in storage.CREDENTIALS.items():
            monkeypatch.setenv(name, value)
    with closing(open_store(config.read(settings))) as opened:
        yield opened
        if request.param == "s3":
            # One bucket for all: the server takes seconds for the first object of a new one.
            client = storage.client()
            for objects in obstore.list(client):
                obstore.delete(client, [object["path"] for object in objects])


def assert_holds(store: Store, objects: int, bytes: int) -> None:
    known = not isinstance(store, ObjectStorageStore)
    assert store.usage() == (Usage(objects, bytes) if known else None)


def test_starts_empty(store):
    assert get(store, "a") is None
    assert store.delete("a") is False
    assert_holds(store, 0, 0)
    store.check()


def test_put_get_overwrite_delete(store):
    put(store, "a", b"first, longer")
    put(store, "b", b"")
    put(store, "a", b"\x00\xff")
    assert (get(store, "a"), get(store, "b")) == (b"\x00\xff", b"")
    assert_holds(store, 2, 2)
    assert (store.delete("a"), store.delete("a")) == (True, False)
    assert (get(store, "a"), get(store, "b")) == (None, b"")
    assert_holds(store, 1, 0)


@pytest.mark.parametrize(
    "id",
    ["..", ".", "a b", "x" * 255, "\U0001f600" * 255, "\u00e9", "e\u0301", "CON", "-rf", "*", "a\\b", "%2F"],
)
def test_unusual_ids(store, id):
    put(store, id, id.encode())
    assert get(store, id) == id.encode()
    assert_holds(store, 1, len(id.encode()))
    assert store.delete(id)


@pytest.mark.parametrize(
    ("one", "other"), [("a", "A"), ("\u00e9", "e\u0301"), ("ß", "SS"), ("1", "01"), ("a", "a ")]
)
def test_alike_ids_are_different(store, one, other):
    put(store, one, b"one")
    assert get(store, other) is None
    put(store, other, b"other")
    assert (get(store, one), get(store, other)) == (b"one", b"other")


IDS = st.sampled_from(["a", "b", "c"])
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS, st.binary(max_size=20)),
        st.tuples(st.sampled_from(["get", "delete"]), IDS),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_behaves_like_a_dictionary(store, operations):
    model: dict[str, bytes] = {}
    for id in "abc":
        store.delete(id)
    for operation, id, *data in operations:
        if operation == "put":
            put(store, id, *data)
            model[id] = data[0]
        elif operation == "get":
            assert get(store, id) == model.get(id)
        else:
            assert store.delete(id) == (model.pop(id, None) is not None)
        assert_holds(store, len(model), sum(map(len, model.values())))


def test_usage_stays_exact_under_concurrent_writers(store):
    """Eight threads put, overwrite and delete the same few ids; readers see whole objects only."""
    start = threading.Barrier(8)

    def work(seed: int) -> None:
        choices = random.Random(seed)  # noqa: S311 - a fixed order, no secret
        start.wait()
        for _ in range(60):
            id = str(choices.randint(1, 3))
            match choices.randint(1, 3):
                case 1:
                    put(store, id, bytes([seed]) * choices.randint(0, 5000))
                case 2:
                    store.delete(id)
                case 3:
                    assert len(set(get(store, id) or b"")) <= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    objects = [data for id in "123" if (data := get(store, id)) is not None]
    assert_holds(store, len(objects), sum(map(len, objects)))


# --- the filesystem store -------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "data"


def test_objects_survive_a_restart(folder):
    with closing(FilesystemStore(folder)) as store:
        put(store, "a", b"12345")
        put(store, "\U0001f600" * 255, b"123")
    with closing(FilesystemStore(folder)) as store:
        assert store.usage() == Usage(2, 8)
        assert (get(store, "a"), get(store, "\U0001f600" * 255)) == (b"12345", b"123")


def test_a_file_tells_its_id(folder):
    """Else a listing, or a person with the disk alone, could not know what is stored."""
    with closing(FilesystemStore(folder)) as store:
        put(store, "größe ", b"data")
    (file,) = (folder / "objects").iterdir()
    data, trailer = file.read_bytes()[:-2048], file.read_bytes()[-2048:]
    assert data == b"data"
    assert json.loads(trailer) == {
        "id": "größe ",
        "size": 4,
        "etag": hashlib.sha256(b"data").hexdigest(),
        "content_type": "application/octet-stream",
    }


def test_nothing_is_written_outside_the_folder(folder):
    with closing(FilesystemStore(folder)) as store:
        for id in ("..", "../../escaped", "/escaped", "lock"):
            put(store, id, b"x")
        assert store.usage() == Usage(4, 4)
    assert [path.name for path in folder.parent.iterdir()] == ["data"]
    assert sorted(path.name for path in folder.iterdir()) == ["incoming", "lock", "objects"]
    assert not list((folder / "incoming").iterdir())


def test_what_is_acknowledged_survives_a_power_cut(folder, monkeypatch):
    """The bytes are synced before their name is, and the name before the call returns."""
    steps: list[str] = []
    fsync, replace, unlink = os.fsync, Path.replace, Path.unlink

    def watch_fsync(descriptor: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        fsync(descriptor)

    with closing(FilesystemStore(folder)) as store:
        monkeypatch.setattr(os, "fsync", watch_fsync)
        monkeypatch.setattr(Path, "replace", lambda *args: steps.append("rename") or replace(*args))
        monkeypatch.setattr(Path, "unlink", lambda *args, **_: steps.append("remove") or unlink(*args))
        put(store, "a", b"1")
        assert steps == ["sync file", "rename", "sync folder"]
        steps.clear()
        assert store.delete("a")
        assert steps == ["remove", "sync folder"]


def test_leftovers_of_a_crash_are_removed_at_start(folder):
    with closing(FilesystemStore(folder)) as store:
        put(store, "a", b"1")
    (folder / "incoming" / "tmpabc").write_bytes(b"half")
    with closing(FilesystemStore(folder)) as store:
        assert store.usage() == Usage(1, 1)
    assert not list((folder / "incoming").iterdir())


def test_a_failed_put_leaves_the_old_object_and_no_file(folder):
    with closing(FilesystemStore(folder)) as store:
        put(store, "a", b"old")
        # The name is taken by a folder with something in it: the rename fails, whoever runs this.
        (name,) = [file.name for file in (folder / "objects").iterdir()]
        with closing(FilesystemStore(folder.parent / "other")) as other:
            blocked = folder.parent / "other" / "objects" / name
            (blocked / "in the way").mkdir(parents=True)
            with pytest.raises(StoreError, match="Is a directory"):
                put(other, "a", b"new")
            assert not list((folder.parent / "other" / "incoming").iterdir())
        assert get(store, "a") == b"old"


def test_one_process_at_a_time(folder):
    with (
        closing(FilesystemStore(folder)),
        pytest.raises(StoreError, match="another process uses this folder"),
    ):
        FilesystemStore(folder)
    FilesystemStore(folder).close()


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StoreError, match="file/data: Not a directory"):
        FilesystemStore(file / "data")


# --- object storage -------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["plain", "\U0001f600" * 255, "a\\b"])
def test_an_object_tells_its_id(object_storage, monkeypatch, id):
    """Else a listing, or a person with the bucket alone, could not know what is stored."""
    for name, value in object_storage.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    store = buckets.s3("objects", object_storage.endpoint)
    put(store, id, b"data")
    client = object_storage.client()
    (key,) = [object["path"] for objects in obstore.list(client) for object in objects]
    kept = obstore.get(client, key)
    assert base64.b64decode(kept.attributes["id"]).decode() == id
    assert bytes(kept.bytes()) == b"data"
    assert store.delete(id)


def test_a_bucket_that_is_not_there(object_storage, monkeypatch):
    for name, value in object_storage.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    store = buckets.s3("absent", object_storage.endpoint)
    for call in (store.check, lambda: put(store, "a", b"")):
        with pytest.raises(StoreError, match=r"^bucket absent: .*404 Not Found.*NoSuchBucket") as raised:
            call()
        assert "\n" not in str(raised.value)
