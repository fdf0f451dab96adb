"""Building, caching and publishing the preview, and the messages when that is not possible."""

import json
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from dashboards import DASHBOARDS
from lab import ROOT, preview, preview_bundle, toolchain
from lab.platform import Platform
from lab.ports import Ports
from lab.toolchain import ToolError
from tests.support.intervals import every

SHIPPED = {path.name: json.loads(path.read_text()) for path in (ROOT / "dashboards").glob("*.json")}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m lab ...` with only this environment."""
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=250, check=False
    )


@pytest.fixture(scope="module")
def packages(missing_part) -> None:
    """Skip or fail with a reason if npm is not available."""
    try:
        preview_bundle.npm("--version")
    except ToolError as error:
        missing_part(str(error))


def test_the_page_passes_strict_type_checking(packages):
    preview_bundle.npm("run", "check", "--silent")


def test_the_tests_without_a_browser_pass(packages):
    assert " passed" in preview_bundle.npm("test", "--silent")


def test_a_second_build_reuses_the_first(packages):
    first = preview_bundle.build()
    built_at = (first / "index.html").stat().st_mtime_ns
    assert preview_bundle.build() == first
    assert (first / "index.html").stat().st_mtime_ns == built_at
    assert (first / "public/build/img/icons/unicons/angle-down.svg").is_file()
    assert (first / "public/fonts/inter/Inter-Regular.woff2").is_file()


def test_the_lock_file_holds_hashes_and_no_addresses():
    lock = json.loads((preview_bundle.SOURCE / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all("integrity" in entry for entry in packages.values())
    assert not [name for name, entry in packages.items() if "resolved" in entry]


def test_grafanas_libraries_are_pinned_exactly():
    manifest = json.loads((preview_bundle.SOURCE / "package.json").read_text())
    versions = manifest["dependencies"] | manifest["devDependencies"]
    assert {version for name, version in versions.items() if name.startswith("@grafana/")} == {"13.2.2"}
    assert not [name for name, version in versions.items() if not version[0].isdigit()]


@pytest.fixture
def without_node(tmp_path) -> dict[str, str]:
    """An environment with the lab's programs but without Node.js and without a package registry."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("helm", "prometheus", "promtool", "alertmanager", "amtool"):
        (programs / name).symlink_to(toolchain.find(name))
    unreachable = "http://127.0.0.1:9"
    return {
        "PATH": str(programs),
        "HOME": str(tmp_path),
        "TOOLS_DIR": str(tmp_path / "tools"),
        "LAB_DIR": str(tmp_path / "lab"),
        "PIP_INDEX_URL": unreachable,
        "PIP_RETRIES": "0",
        "UV_DEFAULT_INDEX": unreachable,
        "UV_HTTP_RETRIES": "0",
    }


MISSING = "node 24.19.0 is not available; put node (20.19, 22.12 or newer) on PATH."


def test_without_node_and_network_the_build_names_what_is_missing_in_one_line(without_node):
    done = run("preview", **without_node)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(f"preview: {MISSING}")
    assert "Traceback" not in done.stderr


def test_without_a_registry_the_build_fails_quickly(packages, tmp_path):
    for folder in ("lab", "preview"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("node_modules", "dist")
        )
    unreachable = {"npm_config_registry": "http://127.0.0.1:9", "npm_config_cache": str(tmp_path / "cache")}
    environment = os.environ | unreachable | {"TOOLS_DIR": str(tmp_path / "tools")}
    command = [sys.executable, "-m", "lab", "preview"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "preview: the preview can't be built: npm reaches no package registry"
    )


@pytest.mark.live
def test_without_node_and_network_the_platform_starts_without_the_preview(without_node, tmp_path):
    ports = {Ports.KNOWN[name][0]: str(port) for name, port in asdict(Ports.free()).items()}
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(every(1)))
    try:
        done = run("up", "--minutes", "0", **without_node, **ports, VALUES=str(values))
        assert done.returncode == 0, done.stderr
        assert [
            line for line in done.stderr.splitlines() if f"no preview of the dashboards: {MISSING}" in line
        ]
        assert "Dashboards: " not in done.stdout
    finally:
        run("down", **without_node, **ports)


def test_the_start_page_lists_the_dashboards_in_the_order_in_which_people_open_them():
    own = {f"Platform/{name}": json.dumps(document) for name, document in sorted(SHIPPED.items())}
    others = {"Platform/extra.json": "", "A/services.json": "", "A/b.json": "", "general.json": ""}
    found = [entry["file"] for entry in preview.entries(others | own)]
    assert found == [
        "general.json",
        "A/services.json",
        "A/b.json",
        *(f"Platform/{name}.json" for name in DASHBOARDS),
        "Platform/extra.json",
    ]


@pytest.mark.live
def test_the_page_gets_the_scrape_interval_that_the_chart_renders(platform: Platform):
    about = json.loads((platform.folder / "user" / "platform.json").read_text())
    assert about["scrapeInterval"] == "1s"


@pytest.mark.live
def test_the_rendered_dashboards_are_published_unchanged(platform: Platform):
    about = json.loads((platform.folder / "user" / "platform.json").read_text())
    published = {Path(entry["file"]).name: entry for entry in about["dashboards"]}
    rendered = {
        name: json.loads(text)
        for item in platform.render().ours
        if item["kind"] == "ConfigMap"
        for name, text in item.get("data", {}).items()
        if name in SHIPPED
    }
    assert rendered.keys() == SHIPPED.keys()
    for name, document in rendered.items():
        entry = published[name]
        assert (entry["uid"], entry["title"]) == (document["uid"], document["title"])
        assert json.loads((platform.folder / "user" / "dashboards" / entry["file"]).read_text()) == document


@pytest.mark.live
def test_pictures_show_every_shipped_dashboard_in_both_themes(
    platform: Platform, browser, extra_dashboards, tmp_path
):
    settings = os.environ | {"LAB_DIR": str(platform.folder)}
    try:
        preview.publish(platform)
        done = run("pictures", "--folder", str(tmp_path), "--range", "1m", **settings)
    finally:
        preview.publish(platform, extra_dashboards)
    assert done.returncode == 0, done.stderr
    names = ["start", *(document["uid"] for document in SHIPPED.values())]
    wanted = {f"{name}-{theme}.png" for name in names for theme in ("light", "dark")} | {"phone.png"}
    assert {path.name for path in tmp_path.iterdir()} == wanted
    for path in tmp_path.iterdir():
        width, height = struct.unpack(">II", path.read_bytes()[16:24])
        assert width == (390 if path.name == "phone.png" else 1366)
        assert height > 600


@pytest.mark.live
def test_pictures_fail_on_a_panel_that_cannot_be_drawn(platform: Platform, browser, tmp_path):
    settings = os.environ | {"LAB_DIR": str(platform.folder)}
    done = run("pictures", "--folder", str(tmp_path), "--range", "1m", **settings)
    assert done.returncode == 1
    *_, words = done.stderr.splitlines()
    assert words.startswith("pictures: What can go wrong can't be drawn completely: Broken query Prometheus")
