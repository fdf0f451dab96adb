"""Alerts are delivered with the chart's values, and credentials from files."""

import re
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from lab import ROOT, toolchain
from lab.clients import Alertmanager
from lab.command import Command
from lab.errors import LabError
from lab.notifications import read
from lab.ports import Ports
from lab.processes import Processes
from lab.servers import receiver
from tests.support.waiting import wait_until
from tools.compose.files import all_files
from tools.compose.project import SECRETS

RECEIVERS = {
    "hook": {"webhook": {"secret": "hook"}},
    "chat": {"slack": {"secret": "slack", "channel": "#alerts"}},
    "pager": {"pagerduty": {"secret": "pagerduty"}},
    "mail": {
        "email": {"smarthost": "mail:587", "from": "a@example.com", "to": "b@example.com", "secret": "mail"}
    },
    "duty": {"opsgenie": {"secret": "opsgenie", "url": "https://opsgenie.example.com/"}},
    "own": {
        "config": {
            "webhookConfigs": [
                {
                    "url": "https://example.com/",
                    "httpConfig": {"authorization": {"credentials": {"name": "own", "key": "token"}}},
                }
            ]
        }
    },
}


def written(folder: Path, alerting: dict) -> dict[str, str]:
    """Return the generated files, by path below the folder, of values with `alerting`."""
    (folder / "values.yaml").write_text(yaml.safe_dump({"alerting": {"enabled": True, **alerting}}))
    return {str(path.relative_to(folder)): text for path, text in all_files(folder).items()}


def test_every_kind_of_receiver_reads_its_credential_from_a_file(tmp_path):
    files = written(tmp_path, {"receivers": RECEIVERS, "critical": "hook", "warning": "chat"})
    text = files["alertmanager/alertmanager.yml"]
    assert set(re.findall(rf"(\w+): {SECRETS}/(\S+)", text)) == {
        ("url_file", "hook/url"),
        ("api_url_file", "slack/url"),
        ("routing_key_file", "pagerduty/routingKey"),
        ("auth_password_file", "mail/password"),
        ("api_key_file", "opsgenie/apiKey"),
        ("credentials_file", "own/token"),
    }
    (tmp_path / "alertmanager.yml").write_text(text)
    done = subprocess.run(
        [toolchain.amtool(), "check-config", tmp_path / "alertmanager.yml"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    mounts = yaml.safe_load(files["compose.yaml"])["services"]["alertmanager"]["volumes"]
    assert f"./secrets:{SECRETS}:ro" in mounts


def test_the_values_in_the_documentation_are_accepted(tmp_path):
    text = (ROOT / "docs/compose.md").read_text(encoding="utf-8")
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.S)[1])
    files = written(tmp_path, example["alerting"])
    assert f"{SECRETS}/slack/url" in files["alertmanager/alertmanager.yml"]


@pytest.mark.live
def test_alertmanager_delivers_to_the_address_in_the_file(tmp_path):
    ports, processes = Ports.free(), Processes(tmp_path / "processes")
    files = written(tmp_path, {"receivers": {"hook": RECEIVERS["hook"]}, "critical": "hook"})
    config = files["alertmanager/alertmanager.yml"].replace(SECRETS, str(tmp_path / "secrets"))
    config = re.sub(r"group_wait: \w+", "group_wait: 1s", config)
    (tmp_path / "secrets" / "hook").mkdir(parents=True)
    (tmp_path / "secrets" / "hook" / "url").write_text(f"{ports.url('receiver')}{receiver.PATH}/hook")
    (tmp_path / "alertmanager.yml").write_text(config)
    arguments = [f"--config.file={tmp_path}/alertmanager.yml", f"--storage.path={tmp_path}/data"]
    arguments += ["--cluster.listen-address=", f"--web.listen-address={ports.address('alertmanager')}"]
    command = (str(toolchain.alertmanager()), *arguments)
    try:
        processes.start(receiver.command(ports, tmp_path / "receiver", ROOT))
        processes.start(Command("alertmanager", command, {}, tmp_path))
        server = Alertmanager(ports.url("alertmanager"))
        wait_until(lambda: server.get("/api/v2/status"), 30, "Alertmanager answers", despite=LabError)
        labels = {"alertname": "Example", "severity": "critical", "namespace": "shop"}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        subprocess.run(
            [
                toolchain.amtool(), f"--alertmanager.url={server.url}", "alert", "add",
                *(f"{name}={value}" for name, value in labels.items()), f"--start={now}",
            ],
            timeout=30, check=True,
        )  # fmt: skip
        delivered = wait_until(lambda: read(tmp_path / "receiver"), 60, "the alert is delivered")
        assert delivered[0].labels.items() >= labels.items()
    finally:
        processes.stop(list(processes.all()))
