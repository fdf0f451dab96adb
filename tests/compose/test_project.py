"""The parser of `docker compose` accepts the project, and its containers are restricted like the pods."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from lab import ROOT
from lab.render.chart import DEPENDENCY, dependency_package, load_yaml
from lab.toolchain.monitoring import ALERTMANAGER, PROMETHEUS
from tests.support.compose import COMPOSE, VARIABLES
from tools.compose import project as made
from tools.compose.files import GENERATED, all_files
from tools.release import versions

SERVICES = {"storage-api", "prometheus", "alertmanager", "grafana"}


def test_the_generated_files_are_current():
    wanted = all_files()
    there = {path for name in GENERATED for path in (COMPOSE / name).rglob("*") if path.is_file()}
    assert there <= set(wanted)
    assert [path for path, text in wanted.items() if path.read_text(encoding="utf-8") != text] == []


def test_the_parser_accepts_the_project(load):
    done = load(COMPOSE / "compose.yaml")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == SERVICES


@pytest.mark.parametrize("variables", [{}, {"GRAFANA_ADMIN_PASSWORD": ""}], ids=["unset", "empty"])
def test_there_is_no_default_password(load, variables):
    done = load(COMPOSE / "compose.yaml", variables=variables)
    assert done.returncode == 1
    assert "set a password for the user admin" in done.stderr


def test_a_dependency_on_an_undefined_service_is_refused(load, tmp_path):
    broken = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    broken["services"]["grafana"]["depends_on"] = {"prometeus": {"condition": "service_healthy"}}
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(broken))
    done = load(tmp_path / "compose.yaml")
    assert done.returncode == 1
    assert 'service "grafana" depends on undefined service "prometeus"' in done.stderr


def test_ports_are_published_on_loopback_only_and_can_be_changed(load):
    ports = {
        "PORT": "1",
        "PROMETHEUS_PORT": "2",
        "ALERTMANAGER_PORT": "3",
        "GRAFANA_PORT": "4",
        "CHECKOUT_PORT": "5",
    }
    done = load(COMPOSE / "compose.yaml", COMPOSE / "compose.checkout.yaml", variables=VARIABLES | ports)
    published = [port for each in json.loads(done.stdout)["services"].values() for port in each["ports"]]
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}
    assert {port["published"] for port in published} == set(ports.values())


def test_every_container_is_restricted(project):
    for name, service in project["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) > 0, name
        assert service["logging"] == {"driver": "local"}, name
        assert service["restart"] == "unless-stopped", name
        assert not service.get("privileged"), name


def test_every_service_of_the_platform_has_a_health_check_and_waits_for_what_it_reads(project):
    for name in SERVICES:
        assert project["services"][name]["healthcheck"]["test"][0] == "CMD", name
    waits = {name: set(service.get("depends_on") or ()) for name, service in project["services"].items()}
    assert waits == {
        "storage-api": set(),
        "checkout": set(),
        "alertmanager": set(),
        "prometheus": {"alertmanager", "storage-api"},
        "grafana": {"prometheus"},
    }


def test_data_is_kept_in_named_volumes_and_mounted_files_exist_and_are_read_only(project):
    mounts = [mount for service in project["services"].values() for mount in service.get("volumes") or ()]
    kept = {mount["source"]: mount["target"] for mount in mounts if mount["type"] == "volume"}
    assert kept == {
        "objects": "/data",
        "alertmanager": "/alertmanager",
        "prometheus": "/prometheus",
        "grafana": "/var/lib/grafana",
    }
    assert set(project["volumes"]) == set(kept)
    bound = [mount for mount in mounts if mount["type"] == "bind"]
    assert bound
    for mount in bound:
        assert mount["read_only"] is True
        assert Path(mount["source"]).is_dir(), mount["source"]


def test_images_are_those_of_the_chart_by_digest(project):
    images = {name: project["services"][name]["image"].partition("@")[0] for name in SERVICES}
    assert images == {
        "storage-api": f"observability-platform/storage-api:{versions.current()}",
        "prometheus": f"quay.io/prometheus/prometheus:v{PROMETHEUS.version}",
        "alertmanager": f"quay.io/prometheus/alertmanager:v{ALERTMANAGER.version}",
        "grafana": f"docker.io/grafana/grafana:{made.GRAFANA_VERSION}",
    }
    for name in SERVICES - {"storage-api"}:
        assert "@sha256:" in project["services"][name]["image"]
    for name in ("storage-api", "checkout"):
        assert (Path(project["services"][name]["build"]["context"]) / "Dockerfile").is_file()


def test_grafanas_version_is_that_of_the_package(needs_package):
    with tarfile.open(dependency_package()) as package:
        chart = load_yaml(package.extractfile(f"{DEPENDENCY}/charts/grafana/Chart.yaml").read().decode())
    assert chart["appVersion"] == made.GRAFANA_VERSION


def test_an_image_without_a_known_digest_is_refused():
    with pytest.raises(made.LabError, match=r"the digest of .*prometheus:v9 is not known"):
        made._image({"registry": "quay.io", "repository": "prometheus/prometheus", "tag": "v9"})


def test_every_dashboard_and_its_datasources_are_provisioned():
    boards = {
        path.name: json.loads(path.read_text()) for path in (COMPOSE / "grafana/dashboards").rglob("*.json")
    }
    assert set(boards) == {path.name for path in (ROOT / "dashboards").glob("*.json")}
    sources = yaml.safe_load((COMPOSE / "grafana/provisioning/datasources/stack.yaml").read_text())[
        "datasources"
    ]
    assert {source["uid"]: source["url"] for source in sources} == {
        "prometheus": "http://prometheus:9090",
        "alertmanager": "http://alertmanager:9093",
    }
    settings = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]["grafana"]["environment"]
    # With the installer of plugins, a read-only container loses the datasource of Prometheus.
    assert settings["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert settings["GF_USERS_HOME_PAGE"] in {f"/d/{board['uid']}" for board in boards.values()}


def test_a_changed_file_is_reported_by_the_check(tmp_path):
    """`make lint` names a file that differs and one that nothing generates any more."""
    program = """
import sys
from pathlib import Path
from tools import generated_files
root = generated_files.ROOT = Path(sys.argv.pop())
sys.argv.append("--check")
files = {root / "a/new": "text", root / "a/same": "same"}
sys.exit(generated_files.main("tools.x", lambda: files, [root / "a"]))
"""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("old")
    (tmp_path / "a" / "same").write_text("same")
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "out of date: a/new, a/old (run `python -m tools.x`)\n"
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["old", "same"]
