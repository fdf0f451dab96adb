"""Acknowledged changes survive kill -9 in the middle of writes, and many clients that write one object."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

WRITERS = 4
IDS_PER_WRITER = 3
WRITE_SECONDS = 0.12
SPOOLED_BYTES = 600_000
"""More than the server buffers in memory, so that the body is received into the store's folder."""


class Version(NamedTuple):
    """A state of an object, generated from a number; None stands for no object."""

    id: str
    number: int

    @property
    def body(self) -> bytes:
        size = SPOOLED_BYTES if self.number % 7 == 3 else self.number * 7919 % 60_000
        return f"{self.id}:{self.number}:".encode() + self.number.to_bytes(8) * (size // 8)

    @property
    def content_type(self) -> str:
        return f"application/x-version-{self.number}"


class Writer:
    """Puts and deletes its own objects, one after another, until the service is killed."""

    def __init__(self, number: int) -> None:
        self.choices = random.Random(number)  # noqa: S311 - a fixed order, no secret
        self.ids = [f"{number}-{i}" for i in range(IDS_PER_WRITER)]
        self.numbers = itertools.count(1)
        # Possible states of an object: one if its last change was acknowledged, otherwise two.
        self.states: dict[str, set[Version | None]] = {id: {None} for id in self.ids}
        self.acknowledged = 0

    def write(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        with closing(connection):
            while True:
                id = self.choices.choice(self.ids)
                (before,) = self.states[id]
                after = None if before and self.choices.random() < 0.2 else Version(id, next(self.numbers))
                self.states[id] = {before, after}
                try:
                    status = change(connection, id, after)
                except (OSError, http.client.HTTPException):
                    return
                assert status == 200, (id, before, after)
                self.states[id] = {after}
                self.acknowledged += 1


def change(connection: http.client.HTTPConnection, id: str, after: Version | None) -> int:
    target = f"/api/buckets/{id}"
    if after is None:
        connection.request("DELETE", target)
    else:
        headers = {"Content-Type": after.content_type}
        body: bytes | Iterator[bytes] = after.body
        if after.number % 5 == 0:
            body = iter([body[:10_000], body[10_000:]])
        connection.request("PUT", target, body, headers, encode_chunked=not isinstance(body, bytes))
    with connection.getresponse() as response:
        response.read()
        return response.status


def listed(service) -> dict[str, int]:
    """List all objects, page by page: {id: size in bytes}."""
    found: dict[str, int] = {}
    after = ""
    while after is not None:
        page = service.request("GET", f"/api/buckets?limit=5{after and f'&after={after}'}").json
        found |= {bucket["id"]: bucket["size"] for bucket in page["buckets"]}
        after = page["next"]
    return found


def check_state(service, folder: Path, writers: list[Writer]) -> int:
    """Check that each object has a possible state, which becomes its only possible state.

    Return the number of interrupted changes, after which either state was right.
    """
    cut_off = 0
    sizes: dict[str, int] = {}
    for writer in writers:
        for id, states in writer.states.items():
            cut_off += len(states) > 1
            answer = service.request("GET", f"/api/buckets/{id}")
            if answer.status == 404:
                assert None in states, f"{id} is lost: {states}"
                writer.states[id] = {None}
                continue
            assert answer.status == 200
            matching = {state for state in states if state and state.body == answer.body}
            assert matching, f"{id} is torn or older than acknowledged: {answer.body[:40]!r}, not {states}"
            (state,) = writer.states[id] = matching
            assert answer.headers["content-type"] == state.content_type
            assert answer.headers["etag"] == f'"{hashlib.sha256(answer.body).hexdigest()}"'
            sizes[id] = len(answer.body)
    assert listed(service) == sizes
    samples = service.samples("storage_")
    assert samples["storage_objects", "", "", ""] == len(sizes)
    assert samples["storage_stored_bytes", "", "", ""] == sum(sizes.values())
    assert not list((folder / "incoming").iterdir())
    assert len(list((folder / "objects").iterdir())) == len(sizes)
    assert not (folder / "quarantine").exists()
    return cut_off


def test_no_acknowledged_object_is_lost_or_torn_by_kills(start, tmp_path, draws):
    """In each round, several writers put, overwrite and delete objects until SIGKILL ends the process."""
    moments = random.Random(200)  # noqa: S311 - a fixed order, no secret
    writers = [Writer(number) for number in range(WRITERS)]
    cut_off, kills = 0, draws(10, 200)
    for _ in range(kills):
        service = start(STORE_PATH=tmp_path, LOG_REQUESTS="false", STORE_MIN_FREE_BYTES=0)
        cut_off += check_state(service, tmp_path, writers)
        with ThreadPoolExecutor(WRITERS) as pool:
            writing = [pool.submit(writer.write, service.port) for writer in writers]
            time.sleep(moments.uniform(0, WRITE_SECONDS))
            service.signal(signal.SIGKILL)
            service.process.wait(5)
        for result in writing:
            result.result()
    check_state(start(STORE_PATH=tmp_path), tmp_path, writers)
    acknowledged = sum(writer.acknowledged for writer in writers)
    print(f"{kills} kills, {acknowledged} acknowledged changes, {cut_off} cut off")
    # Otherwise no kill happened during a write.
    assert acknowledged > 2 * kills


# --- many clients, one object -------------------------------------------------------------------------

CLIENTS = 8
ROUNDS = 60


@pytest.fixture(params=["memory", "filesystem", "s3"])
def shared(request, start, tmp_path) -> Iterator[object]:
    """A service on each store in turn."""
    if request.param == "s3":
        service = start(**request.getfixturevalue("object_storage").settings("objects"))
    elif request.param == "filesystem":
        service = start(STORE="filesystem", STORE_PATH=tmp_path)
    else:
        service = start(STORE="memory")
    yield service
    # Other tests use the same bucket.
    for id in ("mixed", "number", "once"):
        assert service.request("DELETE", f"/api/buckets/{id}").status in {200, 400}


def test_concurrent_writes_never_mix_bodies(shared):
    """With concurrent PUT, GET and DELETE, a reader gets bytes, type and etag of the same writer."""

    def use(client: int) -> dict[int, int]:
        choices = random.Random(client)  # noqa: S311 - a fixed order, no secret
        seen: dict[int, int] = {}
        for number in range(client * ROUNDS, (client + 1) * ROUNDS):
            method = choices.choices(["PUT", "GET", "DELETE"], [4, 5, 1])[0]
            if method == "PUT":
                version = Version("mixed", number)
                answer = shared.request(
                    "PUT", "/api/buckets/mixed", version.body, Content_Type=version.content_type
                )
                assert answer.status == 200
            else:
                answer = shared.request(method, "/api/buckets/mixed")
                assert answer.status in {"GET": (200, 404), "DELETE": (200, 400)}[method]
            if method == "GET" and answer.status == 200:
                version = Version("mixed", int(answer.body.split(b":", 2)[1]))
                assert answer.body == version.body
                assert answer.headers["content-type"] == version.content_type
                assert answer.headers["etag"] == f'"{hashlib.sha256(answer.body).hexdigest()}"'
                seen[version.number // ROUNDS] = seen.get(version.number // ROUNDS, 0) + 1
        return seen

    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = [writer for reader in pool.map(use, range(CLIENTS)) for writer in reader]
    # Otherwise no two clients overlapped.
    assert len(set(seen)) > 1


def test_if_match_prevents_lost_updates(shared):
    """Each client increments a number with If-Match, and retries if another client was first."""
    target, additions = "/api/buckets/number", 12
    assert shared.request("PUT", target, b"0").status == 200
    conflicts = []

    def add(_client: int) -> None:
        for _ in range(additions):
            while True:
                read = shared.request("GET", target)
                sum = b"%d" % (int(read.body) + 1)
                answer = shared.request("PUT", target, sum, If_Match=read.headers["etag"])
                if answer.status == 200:
                    break
                assert answer.status == 412
                conflicts.append(answer)

    clients = [threading.Thread(target=add, args=(client,)) for client in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(120)
        assert not client.is_alive()
    assert shared.request("GET", target).body == b"%d" % (4 * additions)
    # Otherwise no two clients overlapped.
    assert conflicts


def test_if_none_match_lets_one_of_many_clients_create(shared):
    """`If-None-Match: *` lets exactly one client create an object, and its bytes stay."""

    def create(client: int) -> int:
        return shared.request("PUT", "/api/buckets/once", b"%d" % client, If_None_Match="*").status

    for _ in range(5):
        with ThreadPoolExecutor(CLIENTS) as pool:
            statuses = list(pool.map(create, range(CLIENTS)))
        assert sorted(statuses) == [200] + [412] * (CLIENTS - 1)
        assert shared.request("GET", "/api/buckets/once").body == b"%d" % statuses.index(200)
        assert shared.request("DELETE", "/api/buckets/once").status == 200
