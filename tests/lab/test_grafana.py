"""Provisioning of Grafana, and where the lab looks for a Grafana."""

import json

import pytest
import yaml

from lab import ROOT
from lab.errors import LabError
from lab.ports import Ports
from lab.render.stack import Stack
from lab.servers import grafana

PORTS = Ports(service=1, metrics=5, prometheus=2, alertmanager=3, grafana=4, checkout=6, receiver=7)


@pytest.fixture
def command(render, tmp_path):
    stack = Stack.of(render)
    found = (tmp_path / "bin" / "grafana", tmp_path)
    return grafana.command(found, stack, grafana.dashboards(stack, render.ours), PORTS, tmp_path / "lab")


def test_dashboards_of_the_configmaps_are_in_their_folders(render):
    found = grafana.dashboards(Stack.of(render), render.ours)
    written = {path.name: path for path in (ROOT / "dashboards").glob("*.json")}
    assert {path.rpartition("/")[2] for path in found} == set(written)
    for path, text in found.items():
        folder, _, name = path.rpartition("/")
        assert folder
        assert json.loads(text)["uid"] == json.loads(written[name].read_text())["uid"]


def test_datasources_have_the_uids_that_dashboards_refer_to(command):
    given = yaml.safe_load(command.files["provisioning/datasources/stack.yaml"])["datasources"]
    found = {source["uid"]: source for source in given}
    assert set(found) == {"prometheus", "alertmanager"}
    assert found["prometheus"]["url"] == "http://127.0.0.1:2"
    assert found["prometheus"]["jsonData"]["timeInterval"] == "5s"
    assert found["alertmanager"]["url"] == "http://127.0.0.1:3"
    assert [source["uid"] for source in given if source.get("isDefault")] == ["prometheus"]


def test_the_provider_reads_the_folder_of_the_dashboards(command, tmp_path):
    (provider,) = yaml.safe_load(command.files["provisioning/dashboards/rendered.yaml"])["providers"]
    assert provider["options"] == {
        "path": str(tmp_path / "lab" / "dashboards"),
        "foldersFromFilesStructure": True,
    }
    assert [path for path in command.files if path.startswith("dashboards/")]


def test_grafana_opens_with_the_dashboard_services(command):
    assert command.environment["GF_USERS_HOME_PAGE"] == "/d/observability-platform-services"


def test_grafana_listens_on_loopback_only(command):
    assert command.environment["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert command.environment["GF_SERVER_HTTP_PORT"] == "4"
    assert command.url == "http://127.0.0.1:4"


@pytest.mark.parametrize("name, subcommand", [("grafana", ["server"]), ("grafana-server", [])])
def test_grafana_home_is_used(render, tmp_path, name, subcommand):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
    (tmp_path / "bin" / name).chmod(0o755)
    found = grafana.find({"GRAFANA_HOME": str(tmp_path), "PATH": ""})
    assert found == (tmp_path / "bin" / name, tmp_path)
    made = grafana.command(found, Stack.of(render), {}, PORTS, tmp_path / "lab")
    assert list(made.arguments[1:]) == [*subcommand, "--homepath", str(tmp_path)]


def test_a_grafana_home_without_a_grafana_is_reported_in_one_line(tmp_path):
    with pytest.raises(LabError, match=r"GRAFANA_HOME='.*' has no bin/grafana"):
        grafana.find({"GRAFANA_HOME": str(tmp_path)})


def test_no_grafana_is_found_on_an_empty_path(tmp_path):
    assert grafana.find({"PATH": str(tmp_path)}) is None
