"""The chart's package: reproducible, with Artifact Hub's annotations, and with the image by its digest."""

import os
import re
import tarfile

import pytest
import yaml

from lab import ROOT
from lab.render.chart import load_yaml, stage_chart
from lab.render.helm import run_helm
from tools.release import changelog, package
from tools.release.errors import ReleaseError

IMAGE = f"registry.example.com/team/storage-api@sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def chart(tmp_path_factory):
    """The chart's files; a stand-in replaces the dependency if it is missing."""
    return stage_chart(tmp_path_factory.mktemp("chart"))


@pytest.fixture(scope="module")
def published(chart, tmp_path_factory):
    """The package of a prerelease with a published image."""
    return package.build(tmp_path_factory.mktemp("dist"), "1.2.3-rc.1", IMAGE, chart)


def metadata(file):
    with tarfile.open(file) as archive:
        return load_yaml(archive.extractfile("observability-platform/Chart.yaml").read().decode())


def rendered_images(chart):
    """Images of all pods of a render, by their specifications instead of by their text."""
    done = run_helm("template", "release", chart, "--kube-version", "1.37.0")
    assert done.returncode == 0, done.stderr
    found = set()

    def walk(node):
        if isinstance(node, dict):
            if isinstance(node.get("image"), str):
                found.add(node["image"])
            found.update(
                argument.partition("=")[2]
                for argument in node.get("args") or []
                if isinstance(argument, str)
                and re.match(r"--(prometheus-config-reloader|thanos-default)", argument)
            )
            node = list(node.values())
        if isinstance(node, list):
            for each in node:
                walk(each)

    for each in yaml.safe_load_all(done.stdout):
        walk(each)
    return found


def test_the_same_sources_give_the_same_bytes(chart, published, tmp_path):
    """Other modification times and another order of files must not matter."""
    for path in chart.rglob("*"):
        os.utime(path, (1, 1))
    for attempt in range(3):  # helm writes subcharts in a random order
        again = package.build(tmp_path / str(attempt), "1.2.3-rc.1", IMAGE, chart)
        assert again.read_bytes() == published.read_bytes()
        assert again.stat().st_mtime == published.stat().st_mtime


def test_every_file_has_the_time_of_the_sources(chart, monkeypatch, tmp_path):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    file = package.build(tmp_path, chart=chart)
    with tarfile.open(file) as archive:
        assert {member.mtime for member in archive} == {1700000000}
    assert file.stat().st_mtime == 1700000000
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    with pytest.raises(ReleaseError, match="SOURCE_DATE_EPOCH must be a number of seconds, not today"):
        package.build(tmp_path, chart=chart)


def test_the_package_has_the_version_and_is_marked_as_a_prerelease(published, chart, tmp_path):
    assert published.name == "observability-platform-1.2.3-rc.1.tgz"
    found = metadata(published)
    assert (found["version"], found["appVersion"]) == ("1.2.3-rc.1", "1.2.3-rc.1")
    assert found["annotations"]["artifacthub.io/prerelease"] == "true"
    ours = metadata(package.build(tmp_path, chart=chart))
    assert ours["version"] == load_yaml((ROOT / "Chart.yaml").read_text())["version"]
    assert ours["annotations"]["artifacthub.io/prerelease"] == "false"


def test_the_packaged_chart_runs_the_published_image(published):
    images = rendered_images(published)
    assert IMAGE in images
    assert not any(image.startswith("observability-platform/storage-api") for image in images)


def test_artifact_hub_is_told_every_image_of_the_render(published):
    listed = yaml.safe_load(metadata(published)["annotations"]["artifacthub.io/images"])
    assert {each["image"] for each in listed} == rendered_images(published)
    assert all(each["name"] for each in listed)


@pytest.mark.parametrize("version, said", [("1.0.0", "The first release."), ("1.0.1-main.3", "A thing.")])
def test_artifact_hub_is_told_the_changes(chart, monkeypatch, tmp_path, version, said):
    """Those of the version or, for a commit on main, those that are not released yet."""
    file = tmp_path / "CHANGELOG.md"
    file.write_text(
        "# Changelog\n\n## [Unreleased]\n\n### Fixed\n\n- A thing.\n\n"
        "## [1.0.0] - 2026-01-02\n\n### Fixed\n\n- The first release.\n"
    )
    monkeypatch.setattr(changelog, "CHANGELOG", file)
    annotations = metadata(package.build(tmp_path, version, chart=chart))["annotations"]
    assert yaml.safe_load(annotations["artifacthub.io/changes"]) == [{"kind": "fixed", "description": said}]


def test_helm_accepts_the_package(published):
    done = run_helm("lint", "--strict", published)
    assert done.returncode == 0, done.stdout
    assert "icon is recommended" not in done.stdout


@pytest.mark.parametrize("image", ["storage-api:1.2.3", "registry.example.com/storage-api:1", f"x{IMAGE}0"])
def test_an_image_without_registry_and_digest_is_refused(chart, tmp_path, image):
    with pytest.raises(ReleaseError, match="IMAGE must be registry/repository@sha256:"):
        package.build(tmp_path, "", image, chart)


@pytest.mark.parametrize("name", [".", "charts/slo", "charts/storage-api"])
def test_the_metadata_of_each_chart_is_complete(name):
    chart = load_yaml((ROOT / name / "Chart.yaml").read_text())
    home = "https://git.example.com/observability-platform"
    assert chart["home"] == home
    assert chart["sources"] == [home]
    assert chart["maintainers"]
    assert chart["annotations"]["artifacthub.io/category"] == "monitoring-logging"
    license = chart["annotations"]["artifacthub.io/license"]
    assert license == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    # The addresses of our own files lead to files that exist.
    ours = re.findall(rf"{home}/(?:raw|blob)/main/(\S+)", (ROOT / name / "Chart.yaml").read_text())
    assert ours
    assert [path for path in ours if not (ROOT / path).is_file()] == []
