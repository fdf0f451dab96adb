"""The servers run with the project's files and commands; only addresses, paths and intervals differ."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from lab import ROOT, toolchain
from lab.clients import Alertmanager, Prometheus
from lab.command import Command
from lab.errors import LabError
from lab.ports import Ports
from lab.processes import Processes
from tests.support.compose import COMPOSE
from tests.support.waiting import wait_until

pytestmark = pytest.mark.live
# The ports that the services listen on in their containers, and the fields of Ports.
LISTENING = {
    "storage-api:5000": "service",
    "prometheus:9090": "prometheus",
    "alertmanager:9093": "alertmanager",
    "checkout:8000": "checkout",
}
WANTED = {
    "storage-api:5000": ("observability", "platform-storage-api"),
    "prometheus:9090": ("observability", "observability-platform-prometheus"),
    "alertmanager:9093": ("observability", "observability-platform-alertmanager"),
    "checkout:8000": ("shop", "checkout"),
}


class Stack:
    """The project's processes, with their files in a folder laid out as in the containers."""

    def __init__(self, project: dict[str, Any], folder: Path) -> None:
        self.services, self.folder, self.ports = project["services"], folder, Ports.free()
        self.processes = Processes(folder)
        self.prometheus = Prometheus(self.ports.url("prometheus"))
        self.alertmanager = Alertmanager(self.ports.url("alertmanager"))

    def local(self, text: str) -> str:
        """The text with local addresses."""
        for address, part in LISTENING.items():
            number = address.partition(":")[2]
            text = text.replace(address, self.ports.address(part))
            text = text.replace(f"http://localhost:{number}", self.ports.url(part))
        return text

    def files(self, service: str) -> dict[str, str]:
        """The files mounted into a container, by absolute path there."""
        found = {}
        for mount in self.services[service]["volumes"]:
            if mount["type"] == "bind":
                source = Path(mount["source"])
                for path in filter(Path.is_file, source.rglob("*")):
                    text = self.local(path.read_text(encoding="utf-8"))
                    text = re.sub(
                        r"(evaluation_interval|scrape_interval|  interval): \d+[sm]", r"\1: 1s", text
                    )
                    text = re.sub(r"scrape_timeout: \d+s", "scrape_timeout: 1s", text)
                    found[f"{mount['target']}/{path.relative_to(source)}"] = text
        return found

    def server(self, service: str, program: Path) -> Command:
        """The command of a container, whose paths are below a folder of its own."""
        folder = self.folder / service
        paths = re.compile(r"=(/(?:etc|prometheus|alertmanager)\b)")
        given = [self.local(paths.sub(rf"={folder}\1", each)) for each in self.services[service]["command"]]
        files = {path.lstrip("/"): text for path, text in self.files(service).items()}
        listen = f"--web.listen-address={self.ports.address(service)}"
        return Command(service, (str(program), *given, listen), {}, folder, self.ports.url(service), files)

    def start(self) -> None:
        for name, part, source, program in (
            ("storage-api", "service", ROOT / "service", ["-m", "storage_api"]),
            ("checkout", "checkout", ROOT, [str(ROOT / "examples/checkout/app.py")]),
        ):
            given = self.services[name]["environment"]
            data = {"STORE_PATH": str(self.folder / "objects")} if "STORE_PATH" in given else {}
            own = {"HOST": "127.0.0.1", "PORT": str(getattr(self.ports, part)), "PYTHONPATH": str(source)}
            command = (sys.executable, *program)
            self.processes.start(Command(name, command, given | data | own, self.folder / name))
        self.processes.start(self.server("alertmanager", toolchain.alertmanager()))
        self.processes.start(self.server("prometheus", toolchain.prometheus()))
        wait_until(
            lambda: len(self.prometheus.targets()) == len(LISTENING), 30, "4 targets", despite=LabError
        )

    def healthy(self, service: str, **more: str) -> bool:
        """True if the health check of the container succeeds."""
        program, *arguments = self.services[service]["healthcheck"]["test"][1:]
        tools = {"promtool": toolchain.promtool, "amtool": toolchain.amtool, "python": lambda: sys.executable}
        done = subprocess.run(
            [str(tools[program]()), *map(self.local, arguments)],
            env={"PATH": os.environ["PATH"], **more}, capture_output=True, timeout=30, check=False,
        )  # fmt: skip
        return done.returncode == 0


@pytest.fixture(scope="module")
def stack(project, tmp_path_factory):
    """The running project."""
    stack = Stack(project, tmp_path_factory.mktemp("compose"))
    try:
        stack.start()
        yield stack
    finally:
        stack.processes.stop(list(stack.processes.all()))


def test_every_target_is_up_with_the_labels_of_the_cluster(stack):
    wait_until(
        lambda: {target["health"] for target in stack.prometheus.targets()} == {"up"},
        30,
        "every target is up",
    )
    found = {target["labels"]["instance"]: target["labels"] for target in stack.prometheus.targets()}
    assert {
        address: (labels["namespace"], labels["job"])
        for address in WANTED
        for labels in [found[stack.local(address)]]
    } == WANTED


def test_every_rule_is_evaluated_without_an_error(stack):
    wait_until(
        lambda: {rule["health"] for rule in stack.prometheus.rules()} == {"ok"}, 60, "every rule is evaluated"
    )
    names = {rule["labels"].get("slo_service") for rule in stack.prometheus.rules()}
    assert {"platform-storage-api", "checkout"} <= names


def test_no_alert_is_active_while_all_is_well(stack):
    """An alert may be pending until every target was scraped once."""
    wait_until(lambda: not stack.prometheus.query("ALERTS"), 30, "no alert")


def test_the_service_levels_of_a_service_of_ones_own_are_recorded(stack):
    def rate():
        requests.put(f"{stack.ports.url('checkout')}/orders/1", data="one", timeout=10).raise_for_status()
        return stack.prometheus.query('sum(service:requests:rate{slo_service="checkout"}) > 0')

    wait_until(rate, 30, "a rate of requests", every=0.2)


def test_a_stopped_service_raises_an_alert_and_alertmanager_is_connected(stack):
    stack.processes.stop(["checkout"])
    wait_until(lambda: stack.prometheus.query('ALERTS{slo_service="checkout"}'), 30, "an alert")
    connected = "prometheus_notifications_alertmanagers_discovered"
    wait_until(lambda: stack.prometheus.value(connected) == 1, 30, "a connection to Alertmanager")
    assert stack.alertmanager.get("/api/v2/status")["config"]["original"]


@pytest.mark.parametrize("service", ["storage-api", "alertmanager", "prometheus"])
def test_the_health_check_succeeds_while_the_server_runs_and_fails_afterwards(stack, service):
    more = (
        {"PYTHONPATH": str(ROOT / "service"), "PORT": str(stack.ports.service)}
        if service == "storage-api"
        else {}
    )
    assert stack.healthy(service, **more)
    stack.processes.stop([service])
    assert not stack.healthy(service, **more)


def test_the_servers_own_tools_accept_the_configuration(tmp_path):
    """Without the example too, whose folder is then not mounted."""
    for tool, folder, arguments in (
        (toolchain.promtool, "prometheus", ["check", "config", "prometheus.yml"]),
        (toolchain.amtool, "alertmanager", ["check-config", "alertmanager.yml"]),
    ):
        shutil.copytree(COMPOSE / folder, tmp_path / folder)
        done = subprocess.run(
            [tool(), *arguments],
            cwd=tmp_path / folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
