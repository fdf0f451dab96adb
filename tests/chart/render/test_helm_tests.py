"""What the pods of `helm test` run, run here: against real servers, and against what is missing."""

import json
import os
import subprocess
import sys

import pytest

from lab import ROOT
from lab.platform import Platform
from tests.support.chart.pod import running


def run(render, pod, **environment):
    """Runs a test pod's container as Kubernetes would, with some of its variables replaced."""
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
    with Platform(ROOT, folder=tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.mark.live
def test_an_object_makes_the_round_trip(default, platform):
    url = platform.service_url
    done = run(default, "platform-storage-api-test", API=url, METRICS=url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 7


@pytest.fixture(scope="module")
def guarded(rendered, tmp_path_factory):
    """A render with tokens and metrics apart, and what its test is told of the pod that runs here."""
    folder = tmp_path_factory.mktemp("auth")
    (folder / "tokens").write_text("a-token-of-32-letters-or-more-1234\nanother-token-of-32-letters-123456\n")
    (folder / "stale").write_text("a-token-that-was-taken-out-1234567\n")
    render = rendered({"storage-api": {"metrics": {"port": 9797}, "auth": {"existingSecret": "tokens"}}})
    with running(render, folder / "objects", AUTH_TOKENS_FILE=str(folder / "tokens")) as urls:
        files = {"TOKENS_FILE": str(folder / "tokens"), "STALE": str(folder / "stale")}
        yield render, {"API": urls["http"], "METRICS": urls["metrics"], **files}


@pytest.mark.live
def test_an_object_makes_the_round_trip_with_a_token_and_metrics_apart(guarded):
    render, told = guarded
    done = run(render, "platform-storage-api-test", **told)
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
def test_the_round_trip_fails_where_tokens_or_ports_are_not_as_rendered(guarded, name, instead, line):
    render, told = guarded
    done = run(render, "platform-storage-api-test", **{**told, name: told[instead]})
    assert done.returncode != 0
    assert line in done.stderr


@pytest.mark.live
def test_the_round_trip_fails_where_the_api_is_another(default, platform):
    url = platform.url("prometheus")
    done = run(default, "platform-storage-api-test", API=url, METRICS=url)
    assert done.returncode != 0
    assert "FAILED GET /readyz: status 404 instead of 200" in done.stderr


@pytest.mark.live
def test_prometheus_has_our_targets_and_rules(default, platform):
    done = run(default, "platform-test-prometheus", URL=platform.url("prometheus"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok     rule StorageApiDown: ok" in done.stdout
    assert "ok     target http://" in done.stdout


@pytest.mark.live
def test_alertmanager_has_its_receivers(default, platform):
    done = run(default, "platform-test-alertmanager", URL=platform.url("alertmanager"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok     receiver null: found" in done.stdout


@pytest.mark.live
@pytest.mark.parametrize(
    ("part", "expected", "line"),
    [
        ("prometheus", {"rules": ["Gone"], "job": ""}, "FAILED rule Gone: not loaded"),
        ("prometheus", {"rules": [], "job": "a", "namespace": "b"}, "FAILED targets of b/a: 0 found"),
        ("alertmanager", {"receivers": ["gone"]}, "FAILED receiver gone: missing"),
    ],
)
def test_what_is_missing_is_named(default, platform, part, expected, line):
    found = run(
        default, f"platform-test-{part}", URL=platform.url(part), EXPECTED=json.dumps(expected), SECONDS="1"
    )
    assert found.returncode == 1
    assert line in found.stdout


@pytest.mark.live
@pytest.mark.parametrize("part", ["prometheus", "alertmanager", "grafana"])
def test_a_server_that_is_not_there_is_named(default, part):
    account = {"USERNAME": "admin", "PASSWORD": "secret"}
    found = run(default, f"platform-test-{part}", URL="http://127.0.0.1:1", SECONDS="1", **account)
    assert found.returncode == 1
    assert "FAILED http://127.0.0.1:1: " in found.stdout
    assert "secret" not in found.stdout + found.stderr
