"""The whole lab from its user's point of view: up, up again, status, down, and errors."""

import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
import requests

from lab import ROOT, traffic
from lab.clients import Prometheus
from lab.errors import LabError
from lab.figures import read_services
from lab.platform import Platform
from lab.ports import Ports
from tests.support.intervals import every
from tests.support.waiting import wait_until

pytestmark = pytest.mark.live

SERVERS = ("storage-api", "checkout", "prometheus", "alertmanager", "receiver")
TRAFFIC = ("sample-traffic", "checkout-traffic")


@pytest.fixture
def variables():
    """The lab's port variables, set to free ports."""
    ports = Ports.free()
    return {variable: str(getattr(ports, part)) for part, (variable, _) in Ports.KNOWN.items()}


def nothing_runs(folder) -> bool:
    """Tell if no process has the folder in its command line or as its working directory."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        if str(folder) in " ".join(process.info["cmdline"] or ()) or (process.info["cwd"] or "").startswith(
            str(folder)
        ):
            return False
    return True


def test_up_status_and_down_work(lab, folder, pids, variables, scraped_every):
    variables |= scraped_every(3)
    up = lab("up", **variables)
    assert up.returncode == 0, up.stderr
    first = pids()
    assert set(first) == {*SERVERS, *TRAFFIC}
    for part in ("PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "CHECKOUT_PORT", "RECEIVER_PORT"):
        assert f"http://127.0.0.1:{variables[part]}" in up.stdout
    for service in ("platform-storage-api", "checkout"):
        state, targets, rate, failing, p99 = re.search(
            rf"^ *{service} +(.+?) +(\d+ of \d+) +([\d.]+) +([\d.]+)% +(\d+) ms", up.stdout, re.MULTILINE
        ).groups()
        assert (state, targets, failing) == ("healthy", "1 of 1", "0.00")
        assert 0 < float(rate) < 30
        assert 0 < int(p99) < 1000
    assert re.search(r"targets up\s*│\s*4 of 4", up.stdout)
    assert re.search(r"rules loaded\s*│\s*\d+, none failing", up.stdout)

    again = lab("up", **variables)
    assert (again.returncode, pids()) == (0, first)

    # `status` remembers the ports of the last `up`.
    status = lab("status")
    assert status.returncode == 0
    assert f"http://127.0.0.1:{variables['PORT']}" in status.stdout
    # One round of 24 requests per second, averaged over 30 s: the window of 5m at the lab's speed.
    prometheus = Prometheus(f"http://127.0.0.1:{variables['PROMETHEUS_PORT']}")

    def rates():
        return [each.values.get("requests") for each in read_services(prometheus)]

    wait_until(lambda: rates() == pytest.approx([24, 24], rel=0.3), 60, "24 requests a second", every=1)

    body = b"kept over a restart"
    requests.put(
        f"http://127.0.0.1:{variables['PORT']}/api/buckets/kept", data=body, timeout=5
    ).raise_for_status()
    down = lab("down")
    assert (down.returncode, down.stdout) == (
        0,
        f"stopped: {', '.join((*SERVERS, *TRAFFIC))}\n",
    )
    assert nothing_runs(folder)
    status = lab("status")
    assert (status.returncode, status.stdout) == (1, "")
    assert status.stderr == "status: nothing is running; make up starts the platform\n"
    assert lab("down").stdout == "nothing was running\n"

    assert lab("up", "--minutes", "0", **variables | scraped_every(1)).returncode == 0
    assert set(pids()) == set(SERVERS)
    answer = requests.get(f"http://127.0.0.1:{variables['PORT']}/api/buckets/kept", timeout=5)
    assert answer.content == body


def test_only_changed_or_dead_processes_are_restarted(folder, pids):
    ports = Ports.free()
    before = Platform(folder=folder, ports=ports)
    before.up()
    first = pids()
    values = {"kube-prometheus-stack": {"prometheus": {"prometheusSpec": {"evaluationInterval": "7s"}}}}
    platform = Platform(folder=folder, ports=ports, values=values)
    platform.up()
    second = pids()
    assert {name for name in SERVERS if first[name] != second[name]} == {"prometheus"}
    assert "evaluation_interval: 7s" in platform.prometheus.config()

    psutil.Process(second["alertmanager"]).kill()
    psutil.Process(second["alertmanager"]).wait(10)
    assert platform.states()["alertmanager"].startswith("ended")
    platform.up()
    third = pids()
    assert {name for name in SERVERS if second[name] != third[name]} == {"alertmanager"}
    assert sorted(platform.down()) == sorted(SERVERS)
    assert before.down() == []
    assert nothing_runs(folder)


def test_sample_traffic_restarts_when_the_storage_api_moves(folder, pids):
    platform = Platform(folder=folder)
    platform.up()
    platform.send_sample_traffic(1)
    first = pids()
    platform.send_sample_traffic(1)
    assert pids() == first
    # `make traffic` at the same time uses its own objects, so all its requests succeed.
    assert set(traffic.send(platform.service_url, rounds=30).by_status()) == {"200"}

    other = Ports.free()
    moved = Platform(folder=folder, ports=other, values={"storage-api": {"config": {"logLevel": "debug"}}})
    moved.up()
    assert set(TRAFFIC).isdisjoint(pids())
    moved.send_sample_traffic(1)
    assert psutil.Process(pids()["sample-traffic"]).cmdline().count(other.url("service")) == 1
    psutil.Process(pids()["sample-traffic"]).kill()
    assert moved.states()["sample-traffic"].startswith("ended, see ")
    moved.send_sample_traffic(1)
    log = folder / "logs" / "sample-traffic.log"
    psutil.Process(pids()["sample-traffic"]).kill()
    log.write_text(traffic.Report(complete=True).as_json())
    assert moved.states()["sample-traffic"] == "finished"
    moved.down()
    assert platform.down() == []


def test_up_with_a_port_in_use_leaves_running_processes_alone(folder, pids):
    ports = Ports.free()
    with Platform(folder=folder, ports=ports) as platform, socket.create_server(("127.0.0.1", 0)) as server:
        first = pids()
        taken = dataclasses.replace(ports, prometheus=server.getsockname()[1])
        with pytest.raises(LabError, match="PROMETHEUS_PORT changes it"):
            Platform(folder=folder, ports=taken).up()
        assert pids() == first
        assert all(platform.ready(part) for part in SERVERS)


def test_metrics_move_to_their_own_port_and_back(folder, pids):
    """Prometheus scrapes the new port; a port in use is noticed before anything is stopped."""
    ports = Ports.free()
    parted = every(1)
    parted["storage-api"]["metrics"] = {"port": 9999}

    def monitored(platform, port):
        wanted = ("platform-storage-api", f"http://127.0.0.1:{port}/api/metrics", "up")

        def found():
            targets = platform.prometheus.targets()
            return wanted in [(each["labels"]["job"], each["scrapeUrl"], each["health"]) for each in targets]

        return wait_until(found, 30, f"{wanted} is a target")

    together = Platform(folder=folder, ports=ports, values=every(1))
    together.up()
    first = pids()
    apart = Platform(folder=folder, ports=ports, values=parted)
    with socket.create_server(("127.0.0.1", ports.metrics)):
        with pytest.raises(LabError, match="METRICS_PORT changes it"):
            apart.up()
        assert pids() == first
        assert monitored(together, ports.service)
    apart.up()
    assert monitored(apart, ports.metrics)
    assert requests.get(f"{apart.service_url}/api/metrics", timeout=5).status_code == 404
    second = pids()
    # The process that is replaced holds the port, which must not count as in use.
    parted["storage-api"]["config"] = {"logLevel": "debug"}
    apart.up()
    assert {name for name in SERVERS if second[name] != pids()[name]} == {"storage-api"}
    together.up()
    assert monitored(together, ports.service)
    together.down()
    assert apart.down() == []
    assert nothing_runs(folder)


def test_a_port_in_use_is_reported_and_nothing_is_started(lab, folder, variables):
    with socket.create_server(("127.0.0.1", int(variables["ALERTMANAGER_PORT"]))):
        up = lab("up", **variables)
    assert up.returncode == 1
    port = variables["ALERTMANAGER_PORT"]
    (line,) = [line for line in up.stderr.splitlines() if line.startswith("up:")]
    assert re.fullmatch(
        rf"up: port {port} is in use by \S+ \(pid {os.getpid()}\); ALERTMANAGER_PORT changes it", line
    )
    assert nothing_runs(folder)


def test_a_process_that_fails_to_start_stops_the_others(lab, folder, variables):
    (folder / "storage-api").mkdir(parents=True)
    (folder / "storage-api" / "objects").touch()
    up = lab("up", **variables)
    assert up.returncode == 1
    assert "storage-api ended during startup: " in up.stderr
    assert "Traceback" not in up.stderr
    assert nothing_runs(folder)


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM], ids=lambda signal: signal.name)
def test_an_interrupted_up_leaves_nothing_running(folder, variables, name):
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "up"],
        cwd=ROOT,
        env=os.environ | {"LAB_DIR": str(folder), **variables},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until((folder / "state.json").exists, 30)
    time.sleep(0.3)
    process.send_signal(name)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1]) == (130, "up: interrupted")
    assert nothing_runs(folder)


BAD = {
    "no-such-file": ({"VALUES": "/no/such.yaml"}, "up: open /no/such.yaml: no such file or directory"),
    "broken-yaml": ({"VALUES": "{tmp}/broken.yaml"}, "up: failed to parse {tmp}/broken.yaml: "),
    "bad-duration": (
        {"VALUES": "{tmp}/duration.yaml"},
        "up: promtool refuses the configuration of these values: ",
    ),
    "bad-timeout": (
        {"VALUES": "{tmp}/timeout.yaml"},
        "up: amtool refuses the configuration of these values: ",
    ),
    "bad-port": ({"PORT": "http"}, "up: PORT='http': a port is a number from 1 to 65535"),
    "folder-is-a-file": ({"LAB_DIR": "{tmp}/broken.yaml"}, "up: LAB_DIR {tmp}/broken.yaml can't be used: "),
    "tokens-of-a-cluster": (
        {"VALUES": "{tmp}/tokens.yaml"},
        "up: these values ({tmp}/tokens.yaml) need the Secret of storage-api.auth.existingSecret",
    ),
    "no-grafana": ({"GRAFANA_HOME": "{tmp}"}, "up: GRAFANA_HOME='{tmp}' has no bin/grafana"),
}


@pytest.mark.parametrize("given, line", BAD.values(), ids=BAD)
def test_bad_input_is_reported_in_one_line(lab, tmp_path, variables, given, line):
    (tmp_path / "broken.yaml").write_text("storage-api: {replicas: 1")
    (tmp_path / "duration.yaml").write_text(
        "kube-prometheus-stack: {prometheus: {prometheusSpec: {scrapeTimeout: 10m}}}"
    )
    (tmp_path / "timeout.yaml").write_text(
        "kube-prometheus-stack: {alertmanager: {config: {global: {resolve_timeout: soon}}}}"
    )
    (tmp_path / "tokens.yaml").write_text("storage-api: {auth: {existingSecret: tokens}}")
    given = {name: value.replace("{tmp}", str(tmp_path)) for name, value in given.items()}
    up = lab("up", **{**variables, **given})
    assert up.returncode == 1
    (said,) = [one for one in up.stderr.splitlines() if not one.startswith("chart:")]
    assert said.startswith(line.replace("{tmp}", str(tmp_path)))
    assert not (tmp_path / "lab" / "state.json").exists()


def test_an_unwritable_lab_folder_is_reported_in_one_line(missing_part, folder, variables):
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0 and setpriv is None:
        missing_part("setpriv (util-linux), to test permissions as root")
    folder.mkdir(mode=0o555)
    # Root may write everywhere unless it runs without capabilities.
    unprivileged = [setpriv, "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*unprivileged, sys.executable, "-m", "lab", "up"],
        cwd=ROOT,
        env=os.environ | {"LAB_DIR": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1]
        == f"up: LAB_DIR {folder} can't be used: Permission denied: {folder}/lock"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("traffic", "--rounds", "0"),
        ("traffic", "--rate", "-1"),
        ("up", "--minutes", "x"),
        ("up", "--minute", "3"),
        ("sideways",),
        (),
    ],
    ids=str,
)
def test_invalid_arguments_are_refused(lab, arguments):
    done = lab(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_unavailable_tool_is_reported_in_one_line(lab, folder, tmp_path, variables):
    (tmp_path / "empty").mkdir()
    offline = {"PATH": str(tmp_path / "empty"), "TOOLS_DIR": str(tmp_path / "tools"), "PIP_NO_INDEX": "1"}
    up = lab("up", **variables, **offline)
    assert up.returncode == 1
    (line,) = [line for line in up.stderr.splitlines() if not line.startswith(("tools:", "chart:"))]
    assert line.startswith(
        "up: helm 4.3.1 is not available; put helm (4.1 or newer, below 5) on PATH. Tried: the release"
    )
    assert "; the wheel aws-cdk" in line
    assert "; building it with go install" in line
    assert not folder.exists() or nothing_runs(folder)


def test_render_prints_manifests_and_tools_prints_a_path(lab):
    rendered = lab("render")
    assert rendered.returncode == 0
    assert "kind: ServiceMonitor" in rendered.stdout
    promtool = lab("tools", "--print", "promtool").stdout.strip()
    assert os.access(promtool, os.X_OK)


def test_the_traffic_command_uses_the_running_platform(lab, folder, variables, scraped_every):
    assert lab("up", "--minutes", "0", **variables, **scraped_every(1)).returncode == 0
    sent = json.loads(lab("traffic", "--rounds", "3", "--json").stdout)
    assert sent["requests"] == 72
    assert {(one["method"], one["status"]): one["count"] for one in sent["sent"]} == {
        ("PUT", "200"): 24,
        ("GET", "200"): 24,
        ("DELETE", "200"): 24,
    }
    table = lab("traffic", "--rounds", "1").stdout
    assert re.search(r"DELETE\s*│\s*200\s*│\s*8 ", table)
