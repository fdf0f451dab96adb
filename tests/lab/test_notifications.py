"""The receiver keeps what Alertmanager delivers, the newest first, and refuses anything else."""

import json
import threading

import pytest
import requests

from lab import notifications

ORIGIN = "http://127.0.0.1:9090"


@pytest.fixture
def url(tmp_path):
    with notifications.serve("127.0.0.1", 0, tmp_path, ORIGIN) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def payload(*names: str, status: str = "firing") -> dict:
    alerts = [{"status": status, "labels": {"alertname": name}, "annotations": {}} for name in names]
    return {"version": "4", "status": status, "alerts": alerts}


def deliver(url: str, body: object) -> requests.Response:
    return requests.post(f"{url}/alerts/pager", data=json.dumps(body), timeout=5)


def test_deliveries_are_kept_newest_first_and_survive_a_restart(url, tmp_path):
    assert notifications.read(tmp_path) == []
    assert deliver(url, payload("A", "B")).status_code == 200
    assert deliver(url, payload("A", status="resolved")).status_code == 200
    kept = notifications.read(tmp_path)
    assert {one.receiver for one in kept} == {"pager"}
    assert [(one.labels["alertname"], one.status) for one in kept] == [
        ("A", "resolved"),
        ("A", "firing"),
        ("B", "firing"),
    ]
    shown = requests.get(f"{url}/notifications", timeout=5)
    assert [one["labels"]["alertname"] for one in shown.json()] == ["A", "A", "B"]
    assert shown.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_the_number_of_kept_notifications_is_bounded(url, tmp_path):
    deliver(url, payload(*(f"old-{number}" for number in range(notifications.KEPT))))
    deliver(url, payload("new"))
    kept = [one.labels["alertname"] for one in notifications.read(tmp_path)]
    assert (len(kept), kept[0], kept[-1]) == (notifications.KEPT, "new", f"old-{notifications.KEPT - 2}")


@pytest.mark.parametrize("body", [[], "x", {}, {"alerts": [1]}, {"alerts": [{"status": "firing"}]}], ids=str)
def test_a_body_that_is_not_alertmanagers_is_refused(url, tmp_path, body):
    answer = deliver(url, body)
    assert answer.status_code == 400
    assert answer.text.startswith("not a webhook payload of Alertmanager: ")
    assert notifications.read(tmp_path) == []


def test_a_body_that_is_too_large_or_of_unknown_length_is_refused(url):
    large = b"x" * (notifications.MAX_BODY_BYTES + 1)
    for data in (large, iter([b"x"])):
        try:
            assert requests.post(f"{url}/alerts/pager", data=data, timeout=5).status_code == 413
        except requests.ConnectionError:  # the answer is lost if the body is still being sent
            assert data is large
    assert requests.get(f"{url}/healthz", timeout=5).ok
