"""Sample traffic reports exactly the requests and responses that the server saw."""

import collections
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lab import ROOT, traffic
from lab.errors import LabError
from lab.ports import Ports
from tests.support.waiting import wait_until


class Answers(http.server.ThreadingHTTPServer):
    """A server that counts its requests; every third DELETE gets 500. If `silent`, it sends no responses."""

    daemon_threads = True
    silent = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = collections.Counter()
        self.paths = set()
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.silent:
            self.close_connection = True
            return
        with self.server.lock:
            deletes = self.server.seen["DELETE", 200] + self.server.seen["DELETE", 500]
            status = 500 if self.command == "DELETE" and deletes % 3 == 2 else 200
            self.server.seen[self.command, status] += 1
            self.server.paths.add(self.path)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_GET = do_DELETE = answer

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Answers() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_the_report_counts_what_the_server_saw(server):
    report = traffic.send(server.url, rounds=5, parallel=4, ids=6)
    assert report.complete
    assert {(method, int(status)): n for (method, status), n in report.counts.items()} == dict(server.seen)
    assert report.requests == 5 * 6 * 3
    assert report.by_status() == {"200": 80, "500": 10}
    assert server.paths == {f"/api/buckets/{number}" for number in range(1, 7)}


def test_a_prefix_separates_the_objects_of_two_runs(server):
    traffic.send(server.url, rounds=1, ids=2, prefix="sample-")
    assert server.paths == {"/api/buckets/sample-1", "/api/buckets/sample-2"}


def test_the_defaults_are_those_of_the_original_script():
    defaults = traffic.send.__kwdefaults__
    assert (defaults["rounds"], defaults["parallel"], defaults["ids"]) == (1000, 8, 8)


def test_the_requested_rate_is_kept(server):
    report = traffic.send(server.url, rounds=6, ids=1, rate=10)
    assert 0.5 <= report.seconds < 2


def test_latencies_are_quantiles_of_the_measurements(server):
    report = traffic.send(server.url, rounds=20, ids=2)
    found = json.loads(report.as_json())
    assert found["requests"] == sum(one["count"] for one in found["sent"]) == 120
    for one in found["sent"]:
        times = one["seconds"]
        assert 0 < times["p50"] <= times["p90"] <= times["p99"] <= times["max"] < report.seconds


def test_an_unreachable_server_is_an_error():
    with pytest.raises(LabError, match=r"nothing answers at http://127\.0\.0\.1:\d+ \(round 1 of 3\)"):
        traffic.send(Ports.free().url("service"), rounds=3)


def test_a_server_that_stops_answering_ends_the_run(server):
    threading.Timer(0.3, setattr, (server, "silent", True)).start()
    with pytest.raises(LabError, match=r"nothing answers at .* \(round \d+ of 1000\)"):
        traffic.send(server.url, rounds=1000, ids=1, rate=20)


def test_ctrl_c_ends_the_run_with_a_report(server):
    command = [sys.executable, "-m", "lab", "traffic", "--url", server.url, "--rate", "20", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: server.seen, 30)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    found = json.loads(output)
    assert process.returncode == 130
    assert found["complete"] is False
    assert found["requests"] == server.seen.total() > 0
