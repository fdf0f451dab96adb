"""A damaged object on disk is never served as a success: not to the client, the log or the metrics."""

from __future__ import annotations

import http.client
import random
import time
from pathlib import Path

import obstore
import pytest

from storage_api.stores.keys import key_of
from tests.support.service.damage import flip
from tests.support.waiting import wait_until

TARGET = "/api/buckets/damaged"
COUNT = "http_request_count_total"
LARGE = 5_000_000


@pytest.fixture
def damaged(start, tmp_path):
    """Return a function that starts a service, stores an object of `size` bytes and flips one of its bits."""

    def run(size: int, position: int):
        service = start(STORE_PATH=tmp_path / "data", MAX_OBJECT_BYTES=LARGE)
        data = random.Random(1).randbytes(size)  # noqa: S311 - a fixed order, no secret
        assert service.request("PUT", TARGET, data).status == 200
        (file,) = Path(tmp_path / "data/objects").iterdir()
        flip(file, position)
        return service, data

    return run


def counted(service, status: str) -> float:
    return service.samples(COUNT)[COUNT, "/api/buckets/<id>", "GET", status]


def errors(service) -> list[str]:
    lines = [line for line in service.log if line["level"] == "error"]
    assert all(line["message"] == "the store failed a request" for line in lines)
    return [line["reason"] for line in lines]


def test_a_damaged_small_object_gets_503(damaged):
    service, _ = damaged(1000, 999)
    answer = service.request("GET", TARGET)
    assert (answer.status, answer.json["reason"]) == (503, "the store is unavailable")
    wait_until(lambda: counted(service, "503") == 1)
    (reason,) = errors(service)
    assert reason.endswith("is damaged: its bytes do not match its ETag")


@pytest.mark.parametrize("position", [0, LARGE - 1])
@pytest.mark.parametrize("pause", [0, 0.002], ids=["fast", "slow"])
def test_the_response_with_a_damaged_large_object_is_cut_off(damaged, position, pause):
    service, data = damaged(LARGE, position)
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    connection.request("GET", TARGET)
    began = time.monotonic()
    response = connection.getresponse()
    received = b""
    with pytest.raises(http.client.IncompleteRead):
        while True:
            time.sleep(pause)
            piece = response.read(50_000)
            received += piece
            if len(piece) < 50_000:
                raise http.client.IncompleteRead(received)
    connection.close()
    assert len(received) < LARGE
    assert received[1:] == data[1 : len(received)]
    assert time.monotonic() - began < 10, "the connection was not closed at once"
    wait_until(lambda: counted(service, "500") == 1)
    assert counted(service, "200") == 0
    (reason,) = errors(service)
    assert reason.endswith("is damaged: its bytes do not match its ETag")
    wait_until(
        lambda: [line for line in service.log if line["message"] == "request" and line["method"] == "GET"]
    )
    (line,) = [line for line in service.log if line.get("path") == TARGET and line["method"] == "GET"]
    assert (line["status"], line["error_type"]) == (500, "StoreError")
    assert line["response_bytes"] < LARGE
    # The service keeps running: intact ranges can be read, and the object can be replaced.
    part = service.request("GET", TARGET, Range=f"bytes={LARGE // 2}-")
    assert len(part.body) == LARGE // 2
    assert service.request("PUT", TARGET, data).status == 200
    assert service.request("GET", TARGET).body == data


def test_the_response_with_a_changed_object_of_a_bucket_is_cut_off(start, object_storage):
    """Another client has changed the object's bytes but kept its metadata."""
    service = start(**object_storage.settings("objects"))
    data = random.Random(1).randbytes(LARGE)  # noqa: S311 - a fixed order, no secret
    assert service.request("PUT", TARGET, data).status == 200
    client, key = object_storage.client(), key_of("damaged")
    known = obstore.get(client, key).attributes
    obstore.put(client, key, data[:-1] + bytes([data[-1] ^ 1]), attributes=known)
    with pytest.raises(http.client.IncompleteRead):
        service.request("GET", TARGET)
    wait_until(lambda: counted(service, "500") == 1)
    assert counted(service, "200") == 0
    (reason,) = errors(service)
    assert reason.endswith("the object 'damaged' is damaged: its bytes do not match its ETag")
    assert service.request("DELETE", TARGET).status == 200
