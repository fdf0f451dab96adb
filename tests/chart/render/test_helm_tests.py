"""The scripts of the `helm test` pods, run locally against real servers and against faulty ones."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab import ROOT
from lab.platform import Platform
from tests.support.chart.pod import running
from tests.support.intervals import every


def run(render, pod, **environment):
    """Run a test pod's container as Kubernetes would, with some of its variables replaced."""
    (found,) = render.find("Pod", pod)
    (container,) = found["spec"]["containers"]
    assert container["command"] == ["python", "-c"]
    variables = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    return subprocess.run(
        [sys.executable, "-c", *container["args"]],
        env={**os.environ, **variables, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with Platform(ROOT, folder=tmp_path_factory.mktemp("lab"), values=every(1)) as running:
        yield running


@pytest.mark.live
def test_the_api_test_passes(default, platform):
    url = platform.service_url
    done = run(default, "platform-storage-api-test", API=url, METRICS=url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 7


@pytest.fixture(scope="module")
def with_tokens(rendered, tmp_path_factory):
    """A render with tokens and a metrics port, and the test's variables for the service that runs locally."""
    folder = tmp_path_factory.mktemp("auth")
    (folder / "tokens").write_text("a-token-of-32-letters-or-more-1234\nanother-token-of-32-letters-123456\n")
    (folder / "stale").write_text("a-token-that-was-taken-out-1234567\n")
    render = rendered({"storage-api": {"metrics": {"port": 9797}, "auth": {"existingSecret": "tokens"}}})
    with running(render, folder / "objects", AUTH_TOKENS_FILE=str(folder / "tokens")) as urls:
        files = {"TOKENS_FILE": str(folder / "tokens"), "STALE": str(folder / "stale")}
        yield render, {"API": urls["http"], "METRICS": urls["metrics"], **files}


@pytest.mark.live
def test_the_api_test_passes_with_tokens_and_a_metrics_port(with_tokens):
    render, variables = with_tokens
    done = run(render, "platform-storage-api-test", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 9


@pytest.mark.live
@pytest.mark.parametrize(
    ("name", "instead", "line"),
    [
        ("TOKENS_FILE", "STALE", "status 401 instead of 404"),
        ("METRICS", "API", "FAILED GET /api/metrics: status 404 instead of 200"),
        ("API", "METRICS", "FAILED GET /readyz: status 404 instead of 200"),
    ],
)
def test_the_api_test_fails_if_tokens_or_ports_differ_from_the_render(with_tokens, name, instead, line):
    render, variables = with_tokens
    done = run(render, "platform-storage-api-test", **{**variables, name: variables[instead]})
    assert done.returncode != 0
    assert line in done.stderr


@pytest.mark.live
def test_the_api_test_fails_if_another_server_answers(default, platform):
    url = platform.url("prometheus")
    done = run(default, "platform-storage-api-test", API=url, METRICS=url)
    assert done.returncode != 0
    assert "FAILED GET /readyz: status 404 instead of 200" in done.stderr


@pytest.mark.live
def test_the_prometheus_test_finds_our_targets_and_rules(rendered, platform):
    render = rendered({"storage-api": {"faults": {"enabled": True}}})  # as in the lab
    done = run(render, "platform-test-prometheus", URL=platform.url("prometheus"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok     rule group platform-storage-api.alerts: 6 rules ok" in done.stdout
    assert "ok     rule group platform-storage-api-availability-fast: 13 rules ok" in done.stdout
    assert "ok     rule group platform-platform.alerts: 2 rules ok" in done.stdout
    assert "ok     rule group platform-platform.budgets: 2 rules ok" in done.stdout
    assert "ok     rule group observability-workloads: 14 rules ok" in done.stdout
    assert "ok     target http://" in done.stdout


@pytest.mark.live
def test_the_alertmanager_test_finds_its_receivers(default, platform):
    done = run(default, "platform-test-alertmanager", URL=platform.url("alertmanager"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok     receiver null: found" in done.stdout


@pytest.mark.live
@pytest.mark.parametrize(
    ("part", "expected", "line"),
    [
        ("prometheus", {"groups": {"gone": 1}, "job": ""}, "FAILED rule group gone: not loaded with 1 rules"),
        (
            "prometheus",
            {"groups": {"platform-storage-api.alerts": 7}, "job": ""},
            "FAILED rule group platform-storage-api.alerts: not loaded with 7 rules",
        ),
        ("prometheus", {"groups": {}, "job": "a", "namespace": "b"}, "FAILED targets of b/a: 0 found"),
        ("alertmanager", {"receivers": ["gone"]}, "FAILED receiver gone: missing"),
    ],
)
def test_a_missing_rule_target_or_receiver_is_named(default, platform, part, expected, line):
    found = run(
        default, f"platform-test-{part}", URL=platform.url(part), EXPECTED=json.dumps(expected), SECONDS="0"
    )
    assert found.returncode == 1
    assert line in found.stdout


@pytest.fixture
def rules_api():
    """A server of rules: a function that takes (group, interval, health of its rule) and returns the URL."""
    groups = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"data": {"groups": groups}}).encode())

        def log_message(self, *_):
            pass

    def serve(*found):
        for name, interval, health in found:
            rule = {"name": "AnAlert", "health": health, "lastError": "a reason" if health == "err" else ""}
            groups.append({"name": name, "interval": interval, "rules": [rule]})
        return f"http://127.0.0.1:{server.server_port}"

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield serve
        server.shutdown()


@pytest.mark.parametrize(
    ("groups", "line"),
    [
        ([("ours", 30, "err")], "FAILED rule group ours: AnAlert is err a reason"),
        ([("ours", 30, "unknown")], "FAILED rule group ours: AnAlert is unknown"),
        ([("ours", 120, "unknown")], "ok     rule group ours: 1 rules ok"),
        ([("ours", 30, "err"), ("ours", 30, "ok")], "ok     rule group ours: 1 rules ok"),
    ],
)
def test_a_rule_that_fails_is_named(default, rules_api, groups, line):
    """A rule with a long interval may wait for its first turn; another release may have such a group too."""
    expected = json.dumps({"groups": {"ours": 1}, "job": ""})
    url = rules_api(*groups)
    found = run(default, "platform-test-prometheus", URL=url, EXPECTED=expected, SECONDS="0")
    assert found.stdout == f"{line}\n"
    assert found.returncode == line.startswith("FAILED")


@pytest.mark.live
@pytest.mark.parametrize("part", ["prometheus", "alertmanager", "grafana"])
def test_an_unreachable_server_is_named(default, part):
    account = {"USERNAME": "admin", "PASSWORD": "secret"}
    found = run(default, f"platform-test-{part}", URL="http://127.0.0.1:1", SECONDS="0", **account)
    assert found.returncode == 1
    assert "FAILED http://127.0.0.1:1: " in found.stdout
    assert "secret" not in found.stdout + found.stderr
