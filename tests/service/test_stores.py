"""The contract of every store, and additional guarantees of the filesystem store and of object storage."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import random
import re
import shutil
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import obstore
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage_api import config
from storage_api.stores import (
    METADATA_CHARACTERS,
    FilesystemStore,
    Object,
    Page,
    PreconditionFailed,
    Store,
    StoreError,
    StoreFull,
    Usage,
    open_store,
)
from storage_api.stores import object_storage as buckets
from storage_api.stores.filesystem import VERIFIED_FIRST_BYTES
from storage_api.stores.keys import CUT_BYTES, before, bytes_of, key_of
from storage_api.stores.object_file import ObjectFile
from storage_api.stores.object_storage import ObjectStorageStore
from tests.support.service.damage import flip


def put(store: Store, id: str, data: bytes, **how) -> str:
    etag = store.put(id, io.BytesIO(data), **how)
    assert etag == sha256(data)
    return etag


def read(body: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, or fewer at the end, from a file that may return less per call; close it."""
    data = b""
    with body:
        while chunk := body.read(size - len(data)):
            data += chunk
    return data


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def get(store: Store, id: str) -> bytes | None:
    found = store.get(id)
    if found is None:
        return None
    data = read(found.body, found.object.size)
    assert len(data) == found.object.size
    assert (found.object.id, found.object.etag) == (id, sha256(data))
    return data


CLOUDS = {"s3": "object_storage", "azure": "azure_storage"}
"""{STORE: fixture with a server for it}"""


@pytest.fixture(params=["memory", "filesystem", *(pytest.param(c, marks=pytest.mark.live) for c in CLOUDS)])
def store(request, tmp_path, monkeypatch):
    settings = {"STORE": request.param, "STORE_PATH": str(tmp_path / "data")}
    if request.param in CLOUDS:
        storage = request.getfixturevalue(CLOUDS[request.param])
        settings |= storage.settings("objects")
        for name, value in storage.CREDENTIALS.items():
            monkeypatch.setenv(name, value)
    with closing(open_store(config.read(settings))) as opened:
        yield opened
        if request.param in CLOUDS:
            # All tests share a bucket: the server takes seconds for the first object of a new one.
            client = storage.client()
            for objects in obstore.list(client):
                obstore.delete(client, [object["path"] for object in objects])


def is_absent(etag: str | None) -> bool:
    return etag is None


def assert_holds(store: Store, objects: int, bytes: int) -> None:
    known = not isinstance(store, ObjectStorageStore)
    assert store.usage() == (Usage(objects, bytes) if known else None)


def test_a_new_store_is_empty(store):
    assert get(store, "a") is None
    assert store.delete("a") is False
    assert_holds(store, 0, 0)
    store.check()


def test_objects_can_be_put_read_overwritten_and_deleted(store):
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
def test_unusual_ids_are_kept(store, id):
    put(store, id, id.encode())
    assert get(store, id) == id.encode()
    assert_holds(store, 1, len(id.encode()))
    assert store.delete(id)


@pytest.mark.parametrize(
    ("one", "other"), [("a", "A"), ("\u00e9", "e\u0301"), ("ß", "SS"), ("1", "01"), ("a", "a ")]
)
def test_similar_ids_are_different_objects(store, one, other):
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
def test_a_store_behaves_like_a_dictionary(store, operations):
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


# --- metadata of objects --------------------------------------------------------------------------


def test_an_object_has_its_description(store):
    etag = put(store, "a", b"12345", content_type='text/plain; charset="utf-8"')
    described = Object("a", 5, etag, 'text/plain; charset="utf-8"')
    assert store.head("a") == described
    found = store.get("a")
    found.body.close()
    assert found.object == described
    assert store.head("b") is None
    put(store, "a", b"1")
    assert store.head("a") == Object("a", 1, sha256(b"1"), "application/octet-stream")


def test_the_longest_id_and_type_are_kept(store):
    for id in ("\U0001f600" * 255, '"' * 255, "\\" * 255):
        kept = put(store, id, b"x", content_type='"' * 255)
        assert store.head(id) == Object(id, 1, kept, '"' * 255)


ALL_METADATA = {
    "Content-Encoding": "gzip, br",
    "Content-Language": "de-AT, en",
    "Content-Disposition": """attachment; filename="a  \\"b\\".txt"; filename*=UTF-8''%e2%82%ac.txt""",
    "Cache-Control": "max-age=60, no-transform",
}


@pytest.mark.parametrize(
    "metadata", [{}, {"Content-Encoding": "gzip"}, {"Cache-Control": "no-store"}, ALL_METADATA]
)
def test_metadata_are_kept(store, metadata):
    """Unchanged, and only as long as the object exists."""
    etag = put(store, "a", b"12345", content_type="text/x", metadata=metadata)
    described = Object("a", 5, etag, "text/x", metadata)
    assert store.head("a") == described
    for select in (None, lambda _: (1, 3)):
        found = store.get("a", select)
        found.body.close()
        assert found.object == described
    assert get(store, "a") == b"12345"
    put(store, "a", b"12345", condition=lambda known: known == etag)
    assert store.head("a").metadata == {}


def test_compressed_bytes_stay_compressed(store):
    """No server or library on the way decompresses an object because of its Content-Encoding."""
    data = gzip.compress(b"0123456789" * 1000)
    put(store, "a", data, metadata={"Content-Encoding": "gzip"})
    assert get(store, "a") == data
    assert read(store.get("a", lambda _: (1, 9)).body, 8) == data[1:9]


def test_the_longest_metadata_are_kept(store):
    """Together with the longest id and type; characters that JSON escapes take twice the space."""
    longest = {name: "\\" * most for name, most in METADATA_CHARACTERS.items()}
    for id in ("\U0001f600" * 255, '"' * 255, "a"):
        etag = put(store, id, b"x", content_type='"' * 255, metadata=longest)
        assert store.head(id) == Object(id, 1, etag, '"' * 255, longest)
        assert get(store, id) == b"x"


@pytest.mark.parametrize("size", [0, 1_000_000, 20_000_001])
@pytest.mark.parametrize("condition", [None, is_absent])
def test_a_spooled_body_is_kept(store, size, condition):
    data = random.Random(1).randbytes(size)  # noqa: S311 - a fixed order, no secret
    with store.spool() as spool:
        for start in range(0, size, 65536):
            spool.write(data[start : start + 65536])
        spool.seek(0)
        assert store.put("spooled", spool, condition=condition) == sha256(data)
    assert get(store, "spooled") == data


# --- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "end"), [(0, 10), (0, 1), (9, 10), (3, 7), (0, 0)])
def test_a_part_of_an_object_can_be_read(store, first, end):
    etag = put(store, "a", b"0123456789")
    told: list[Object] = []

    def select(found: Object) -> tuple[int, int]:
        told.append(found)
        return first, end

    found = store.get("a", select)
    assert read(found.body, end - first) == b"0123456789"[first:end]
    assert told == [found.object] == [Object("a", 10, etag, "application/octet-stream")]


def test_no_part_is_selected_of_a_missing_object(store):
    assert store.get("a", lambda _: pytest.fail("called for a missing object")) is None


def test_a_reader_gets_the_same_object_to_its_end(store):
    """If the object changes meanwhile, the reader gets all old bytes or an error, never a mixture."""
    old, new = bytes(3_000_000), b"\xff" * 3_000_000
    put(store, "a", old)
    for change in (lambda: put(store, "a", new), lambda: store.delete("a")):
        found = store.get("a")
        expected = {0: old, 0xFF: new}[found.body.read(1)[0]]
        change()
        try:
            assert read(found.body, len(expected) - 1) == expected[1:]
        except StoreError:
            assert isinstance(store, ObjectStorageStore)


# --- conditions -----------------------------------------------------------------------------------


def test_put_only_if_absent(store):
    first = put(store, "a", b"first", condition=is_absent)
    with pytest.raises(PreconditionFailed):
        put(store, "a", b"second", condition=is_absent)
    assert get(store, "a") == b"first"
    assert_holds(store, 1, 5)
    assert store.delete("a", lambda etag: etag == first)
    put(store, "a", b"third", condition=is_absent)
    assert get(store, "a") == b"third"


def test_put_only_if_the_etag_matches(store):
    with pytest.raises(PreconditionFailed):
        put(store, "a", b"x", condition=lambda etag: etag == sha256(b"1"))
    assert get(store, "a") is None
    one = put(store, "a", b"1")
    put(store, "a", b"2", condition=lambda etag: etag == one)
    for change in (
        lambda is_one: put(store, "a", b"3", condition=is_one),
        lambda is_one: store.delete("a", is_one),
    ):
        with pytest.raises(PreconditionFailed):
            change(lambda etag: etag == one)
    assert get(store, "a") == b"2"
    assert_holds(store, 1, 1)


def test_deleting_a_missing_object_ignores_the_condition(store):
    assert store.delete("a", lambda _: pytest.fail("called for a missing object")) is False


def test_a_refused_body_leaves_nothing(store, tmp_path):
    put(store, "a", b"1")
    with store.spool() as spool:
        spool.write(b"2")
        spool.seek(0)
        with pytest.raises(PreconditionFailed):
            store.put("a", spool, condition=is_absent)
        # The space is free before the spool is closed: a refused client may try again at once.
        assert not list(tmp_path.glob("data/incoming/*"))
    assert get(store, "a") == b"1"


def test_conditions_prevent_lost_updates(store):
    """Four threads increment a number from the value that each has read; a lost update would be missing."""
    put(store, "n", b"0")

    def count_up() -> None:
        for _ in range(8):
            while True:
                found = store.get("n")
                number = int(read(found.body, found.object.size))
                seen = found.object.etag
                try:
                    put(store, "n", str(number + 1).encode(), condition=lambda etag, seen=seen: etag == seen)
                    break
                except PreconditionFailed:
                    continue

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(count_up) for _ in range(4)]:
            future.result()
    assert get(store, "n") == b"32"


# --- pages ----------------------------------------------------------------------------------------


def all_ids(store: Store, prefix: str, limit: int) -> list[str]:
    """The ids of all pages, in order."""
    ids, after = [], None
    while True:
        page = store.list(prefix, limit, after)
        assert len(page.objects) <= limit
        ids += [found.id for found in page.objects]
        assert len(set(ids)) == len(ids)
        if page.next is None:
            return ids
        assert len(page.objects) == limit
        assert page.next == ids[-1] != after
        after = page.next


def test_a_page_describes_its_objects(store):
    etag = put(store, "a", b"12345", content_type="text/x")
    known = not isinstance(store, ObjectStorageStore)
    described = Object("a", 5, etag, "text/x") if known else Object("a", 5, None, None)
    assert store.list("", 1) == Page([described], None)


def test_pages_follow_each_other_and_a_prefix(store):
    assert store.list("", 10) == Page([], None)
    for id in ("b1", "a", "b", "b2", "c", "B", "b\u00e9"):
        put(store, id, b"")
    for limit in (1, 2, 3, 6, 7, 1000):
        assert all_ids(store, "", limit) == ["B", "a", "b", "b1", "b2", "b\u00e9", "c"]
        assert all_ids(store, "b", limit) == ["b", "b1", "b2", "b\u00e9"]
    assert all_ids(store, "b1", 10) == ["b1"]
    assert all_ids(store, "nothing", 10) == []
    # The id after which a page starts may be deleted, or have another prefix.
    store.delete("b1")
    for after, first in [("b1", "b2"), ("0", "b"), ("b\u00e9", None), ("x", None)]:
        page = store.list("b", 1, after)
        assert [found.id for found in page.objects] == ([first] if first else [])


ODD_IDS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=60
) | st.text(st.sampled_from("ab.-~ \\%\U0001f600"), min_size=1, max_size=255)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_object_is_on_one_page(store, data):
    for found in store.list("", 1000).objects:
        store.delete(found.id)
    ids = data.draw(st.sets(ODD_IDS, max_size=8))
    for id in ids:
        put(store, id, id.encode())
    prefix = data.draw(st.sampled_from([""] + [id[:n] for id in sorted(ids) for n in (1, 2, len(id))]))
    listed = all_ids(store, prefix, data.draw(st.integers(1, 9)))
    assert len(listed) == len(set(listed))
    expected = sorted(id for id in ids if id.startswith(prefix))
    # Keys of a bucket contain only this much of a long id, see `keys`.
    known = [id.encode()[:CUT_BYTES] for id in listed]
    assert (known, sorted(listed)) == (sorted(known), expected)
    if not isinstance(store, ObjectStorageStore):
        assert listed == expected


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


def test_a_file_contains_its_id(folder):
    """Otherwise neither a listing nor a person with only the disk could know what is stored."""
    with closing(FilesystemStore(folder)) as store:
        put(store, "größe ", b"data")
    content = objects_file(folder).read_bytes()
    data, trailer = content[:-2048], content[-2048:]
    assert data == b"data"
    assert json.loads(trailer) == {
        "id": "größe ",
        "size": 4,
        "etag": sha256(b"data"),
        "content_type": "application/octet-stream",
    }


@pytest.mark.parametrize("length", range(1, 1025, 31))
def test_metadata_of_every_length_survive_a_restart(folder, length):
    """Wherever the trailer's blocks end, and even if an object's bytes look like a trailer."""
    metadata = {"Content-Disposition": "\\" * length, "Cache-Control": "no-store"}
    data = (b"\n" + b"{" * 2047) * 4
    with closing(FilesystemStore(folder)) as store:
        etag = put(store, "a" * 255, data, content_type='"' * 255, metadata=metadata)
        file_bytes = objects_file(folder).stat().st_size
        assert file_bytes - len(data) in (2048, 4096, 6144)
    with closing(FilesystemStore(folder)) as store:
        assert store.head("a" * 255) == Object("a" * 255, len(data), etag, '"' * 255, metadata)
        assert get(store, "a" * 255) == data


def test_an_object_without_metadata_is_compatible_with_older_versions(folder):
    """Objects of versions without metadata can be read, and those versions can read new objects."""
    trailer = {"id": "a", "size": 4, "etag": sha256(b"data"), "content_type": "text/x"}
    before = b"data\n" + json.dumps(trailer).encode().ljust(2046) + b"\n"
    (folder / "objects").mkdir(parents=True)
    (folder / "objects" / sha256(b"a")).write_bytes(before)
    with closing(FilesystemStore(folder)) as store:
        assert store.head("a") == Object("a", 4, sha256(b"data"), "text/x", {})
        assert get(store, "a") == b"data"
        put(store, "a", b"data", content_type="text/x")
    assert objects_file(folder).read_bytes() == before


def test_nothing_is_written_outside_the_folder(folder):
    with closing(FilesystemStore(folder)) as store:
        for id in ("..", "../../escaped", "/escaped", "lock"):
            put(store, id, b"x")
        assert store.usage() == Usage(4, 4)
    assert [path.name for path in folder.parent.iterdir()] == ["data"]
    assert sorted(path.name for path in folder.iterdir()) == ["incoming", "lock", "objects"]
    assert not list((folder / "incoming").iterdir())


def test_acknowledged_objects_are_synced_to_disk(folder, monkeypatch):
    """The bytes are synced before the rename, and the folder before the call returns."""
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
        # A folder that is not empty has the object's name, so the rename fails, even for root.
        name = objects_file(folder).name
        with closing(FilesystemStore(folder.parent / "other")) as other:
            blocked = folder.parent / "other" / "objects" / name
            (blocked / "in the way").mkdir(parents=True)
            with pytest.raises(StoreError, match="Is a directory"):
                put(other, "a", b"new")
            assert not list((folder.parent / "other" / "incoming").iterdir())
        assert get(store, "a") == b"old"


def objects_file(folder: Path) -> Path:
    (file,) = (folder / "objects").iterdir()
    return file


def damage(file: Path, how: str) -> None:
    """Damage the file of an object in this way."""
    data = file.read_bytes()
    match how:
        case "cut off":
            file.write_bytes(data[:-1])
        case "longer":
            file.write_bytes(data + b"\0")
        case "empty":
            file.write_bytes(b"")
        case "another's name":
            file.rename(file.with_name(sha256(b"b")))
        case "no trailer":
            file.write_bytes(data[:-2048] + bytes(2048))
        case "another shape":
            file.write_bytes(data[:-2048] + b'["a", 1]'.ljust(2048))
        case "other fields":
            file.write_bytes(data[:-2048] + b'{"id": "a", "size": 1}'.ljust(2048))
        case "metadata of another type":
            file.write_bytes(data.replace(b'stream"}' + b" " * 20, b'stream", "metadata":[]}'[:28].ljust(28)))
        case "id of another type":
            file.write_bytes(data.replace(b'"id": "a"', b'"id": 123'))
        case "size of another object":
            file.write_bytes(data.replace(b'"size": 10', b'"size": 11'))
        case "a folder":
            file.unlink()
            (file / "with something").mkdir(parents=True)
        case "a pipe":
            file.unlink()
            os.mkfifo(file)


DAMAGES = [
    "cut off",
    "longer",
    "empty",
    "another's name",
    "no trailer",
    "another shape",
    "other fields",
    "metadata of another type",
    "id of another type",
    "size of another object",
    "a folder",
    "a pipe",
]


@pytest.mark.parametrize("how", DAMAGES)
def test_incomplete_objects_are_put_aside_at_start(folder, how, caplog):
    """They are never served, and never deleted: they may be the last copy of something."""
    with closing(FilesystemStore(folder)) as store:
        put(store, "whole", b"untouched")
    for time in (1, 2):
        with closing(FilesystemStore(folder)) as store:
            put(store, "a", b"0123456789")
        damage(folder / "objects" / sha256(b"a"), how)
        (damaged,) = {path.name for path in (folder / "objects").iterdir()} - {sha256(b"whole")}
        caplog.clear()
        with closing(FilesystemStore(folder)) as store:
            assert (get(store, "a"), get(store, "b"), get(store, "whole")) == (None, None, b"untouched")
            assert store.usage() == Usage(1, 9)
            assert all_ids(store, "", 10) == ["whole"]
            (line,) = caplog.messages
            aside = [path for path in (folder / "quarantine").iterdir() if path.name.startswith(damaged)]
            assert len(aside) == time
            assert line.startswith(
                f"{folder}/objects/{damaged} is not a whole object: moved to {folder}/quarant"
            )


def test_an_object_damaged_at_run_time_is_not_served(folder):
    with closing(FilesystemStore(folder)) as store:
        put(store, "a", b"0123456789")
        damage(objects_file(folder), "cut off")
        with pytest.raises(StoreError, match="is no longer a whole object"):
            store.get("a")
        # A new put replaces the damaged object.
        put(store, "a", b"new")
        assert get(store, "a") == b"new"


def bytes_before_an_error(store: Store, id: str, size: int) -> bytes:
    """Read a damaged object piece by piece; return the bytes before the error."""
    data = b""
    with pytest.raises(StoreError, match="damaged: its bytes do not match its ETag"):
        found = store.get(id)
        with closing(found.body) as body:
            while len(data) < size:
                piece = body.read(min(100_000, size - len(data)))
                assert piece
                data += piece
    return data


SIZES = [1, VERIFIED_FIRST_BYTES, VERIFIED_FIRST_BYTES + 1, 3_000_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("where", [0, 0.5, 1])
def test_an_object_with_a_flipped_bit_is_not_served_completely(folder, size, where):
    data = random.Random(1).randbytes(size)  # noqa: S311 - a fixed order, no secret
    with closing(FilesystemStore(folder)) as store:
        put(store, "a", data)
        flip(objects_file(folder), int(where * (size - 1)))
        got = bytes_before_an_error(store, "a", size)
        assert len(got) < size
        if size <= VERIFIED_FIRST_BYTES:
            assert not got, "a small object is verified before any byte is sent"
        # Not after a condition either.
        with pytest.raises(StoreError, match="damaged"):
            read(store.get("a", lambda found: (0, found.size)).body, size)
        put(store, "a", data)
        assert get(store, "a") == data


def test_bytes_that_are_read_again_are_verified_once(folder):
    """A server that could send only a part of a block reads it again."""
    data = random.Random(1).randbytes(300_000)  # noqa: S311 - a fixed order, no secret
    with closing(FilesystemStore(folder)) as store:
        put(store, "a", data)
        with closing(store.get("a").body) as body:
            for first in (0, 0, 50_000, 20_000, 120_000, 200_000, 100_000):
                body.seek(first)
                assert body.read(100_000) == data[first : first + 100_000]
        flip(objects_file(folder), 299_999)
        with closing(store.get("a").body) as body:
            body.read(250_000)
            for first in (200_000, 200_000, 0, 300_000):
                body.seek(first)
                with pytest.raises(StoreError, match="damaged"):
                    body.read(100_000)
            assert body.error


def test_a_file_that_ends_while_it_is_read_is_an_error(folder):
    """Otherwise the sender would wait for more bytes."""
    with closing(FilesystemStore(folder)) as store:
        put(store, "a", bytes(300_000))
        for select in (None, lambda _: (1, 300_000)):
            with closing(store.get("a", select).body) as body:
                os.truncate(objects_file(folder), 1000)
                body.read(100_000)
                with pytest.raises(StoreError, match="is truncated"):
                    body.read(100_000)
            put(store, "a", bytes(300_000))


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux has nothing behind")
def test_a_read_error_of_the_disk_is_a_store_error():
    with (
        closing(ObjectFile(Path("/proc/self/mem"))) as file,
        pytest.raises(StoreError, match=r"^/proc/self/mem: Input/output error"),
    ):
        file.read(10)
    assert file.error


def old_file(folder: Path, id: str, data: bytes) -> Path:
    """An object in the old layout, before files had a trailer."""
    file = folder / "objects" / sha256(id.encode())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(id.encode().ljust(1024, b"\0") + data)
    return file


def test_objects_of_the_old_layout_are_converted(folder):
    objects = {"a": b"data", "größe ": b"", "\U0001f600" * 255: bytes(5000)}
    for id, data in objects.items():
        old_file(folder, id, data)
    for _ in range(2):
        with closing(FilesystemStore(folder)) as store:
            for id, data in objects.items():
                assert get(store, id) == data
                assert store.head(id) == Object(id, len(data), sha256(data), "application/octet-stream")
            assert store.usage() == Usage(3, 5004)
    assert not (folder / "quarantine").exists()


@pytest.mark.parametrize("size", [0, 1, 1023])
def test_a_partial_header_of_the_old_layout_is_put_aside(folder, size):
    file = old_file(folder, "a", b"")
    file.write_bytes(file.read_bytes()[:size])
    with closing(FilesystemStore(folder)) as store:
        assert store.usage() == Usage(0, 0)
    assert len(list((folder / "quarantine").iterdir())) == 1


def test_a_spool_becomes_the_file_of_its_object(folder):
    """Nothing is copied: the received file becomes the object's file."""
    with closing(FilesystemStore(folder)) as store, store.spool() as spool:
        spool.write(b"data")
        spool.seek(0)
        inode = os.fstat(spool.fileno()).st_ino
        store.put("a", spool)
        assert objects_file(folder).stat().st_ino == inode
        assert not list((folder / "incoming").iterdir())


def test_a_closed_spool_leaves_nothing(folder):
    with closing(FilesystemStore(folder)) as store:
        with store.spool() as spool:
            spool.write(b"data")
            assert len(list((folder / "incoming").iterdir())) == 1
        assert not list((folder / "incoming").iterdir())


def test_too_little_free_space_is_reported(folder):
    with (
        closing(FilesystemStore(folder, min_free_bytes=2**60)) as store,
        pytest.raises(StoreFull, match=rf"^{folder}: \d+ bytes are free, fewer than {2**60}$"),
    ):
        store.check()


def test_a_missing_folder_is_reported(folder):
    with closing(FilesystemStore(folder)) as store:
        put(store, "a", b"1")
        shutil.rmtree(folder)
        for call in (store.check, store.spool, lambda: put(store, "a", b"2"), lambda: store.delete("a")):
            with pytest.raises(StoreError, match=f"^{folder}"):
                call()
        assert store.get("a") is None


def test_the_folder_is_used_by_one_process_at_a_time(folder):
    with (
        closing(FilesystemStore(folder)),
        pytest.raises(StoreError, match="another process uses this folder"),
    ):
        FilesystemStore(folder)
    FilesystemStore(folder).close()


def test_an_unusable_folder_is_reported_in_one_line(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StoreError, match="file/data: Not a directory"):
        FilesystemStore(file / "data")


# --- object storage -------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["plain", "\U0001f600" * 255, "a\\b"])
def test_a_key_of_a_bucket_contains_the_id(object_storage, monkeypatch, id):
    """Otherwise neither a listing nor a person with only the bucket could know what is stored."""
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


def test_a_large_object_is_uploaded_in_parts_or_at_once(object_storage, monkeypatch):
    for name, value in object_storage.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    store = buckets.s3("objects", object_storage.endpoint)
    data = random.Random(1).randbytes(20_000_001)  # noqa: S311 - a fixed order, no secret
    client = object_storage.client()
    for condition, parts in ((None, "-3"), (is_absent, "")):
        with store.spool() as spool:
            spool.write(data)
            spool.seek(0)
            assert store.put("large", spool, condition=condition) == sha256(data)
        # The server's etag ends with the number of parts.
        etag = obstore.head(client, key_of("large"))["e_tag"].strip('"')
        assert (etag[32:], len(etag[:32])) == (parts, 32)
        assert get(store, "large") == data
        found = store.get("large", lambda _: (10_000_000, 20_000_000))
        assert read(found.body, 10_000_000) == data[10_000_000:20_000_000]
        assert store.delete("large")


def test_foreign_keys_of_the_bucket_are_not_objects(object_storage, monkeypatch):
    for name, value in object_storage.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    store = buckets.s3("objects", object_storage.endpoint)
    client = object_storage.client()
    strangers = [
        "readme.txt",
        "objects/readme.txt",
        "objects/C4-",
        "objects/c5-",
        "objects/c4",
        "objects/" + "1" * 184 + "." + "0" * 64,
    ]
    try:
        for key in [*strangers, key_of("stranger")]:
            obstore.put(client, key, b"x")
        put(store, "a", b"1")
        # Its key makes it an object; the missing etag is noticed only when it is read.
        assert all_ids(store, "", 1) == ["a", "stranger"]
        for call in (store.head, store.get):
            with pytest.raises(StoreError, match="was not stored by this service"):
                call("stranger")
        put(store, "stranger", b"ours now")
        assert get(store, "stranger") == b"ours now"
    finally:
        obstore.delete(client, [*strangers, key_of("a"), key_of("stranger")])


@settings(deadline=None)
@given(st.lists(ODD_IDS, max_size=20))
def test_keys_are_unique_and_ordered_like_ids(ids):
    ids = sorted(set(ids))
    keys = [key_of(id) for id in ids]
    assert len(set(keys)) == len(ids)
    assert [key.encode()[: 8 + 184] for key in sorted(keys)] == [key.encode()[: 8 + 184] for key in keys]
    for id, key in zip(ids, keys, strict=True):
        data, whole = bytes_of(key)
        assert data == (id.encode() if whole else id.encode()[:CUT_BYTES])
        assert whole == (len(id.encode()) <= 155)
        # One path segment that is a valid file name everywhere.
        assert re.fullmatch(r"objects/[0-9a-v.-]{3,255}", key)
        for length in range(len(id) + 1):
            assert before(id[:length]) < key


@settings(deadline=None)
@given(ODD_IDS, ODD_IDS)
def test_keys_of_smaller_ids_come_before_a_prefix(prefix, id):
    if id < prefix and id.encode()[:CUT_BYTES] != prefix.encode()[:CUT_BYTES]:
        assert key_of(id) <= before(prefix)


@pytest.mark.parametrize("size", [1, 3_000_000])
def test_a_changed_object_of_a_bucket_is_not_served(object_storage, monkeypatch, size):
    for name, value in object_storage.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    store = buckets.s3("objects", object_storage.endpoint)
    data = random.Random(1).randbytes(size)  # noqa: S311 - a fixed order, no secret
    put(store, "a", data)
    client = object_storage.client()
    known = obstore.get(client, key_of("a")).attributes
    obstore.put(client, key_of("a"), data[:-1] + bytes([data[-1] ^ 1]), attributes=known)
    assert len(bytes_before_an_error(store, "a", size)) < size
    with pytest.raises(StoreError, match="damaged"):
        read(store.get("a", lambda found: (0, found.size)).body, size)
    assert store.delete("a")


def test_a_missing_bucket_is_an_error(object_storage, monkeypatch):
    for name, value in object_storage.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    store = buckets.s3("absent", object_storage.endpoint)
    for call in (store.check, lambda: put(store, "a", b"")):
        with pytest.raises(StoreError, match=r"^bucket absent: .*404 Not Found.*NoSuchBucket") as raised:
            call()
        assert "\n" not in str(raised.value)
