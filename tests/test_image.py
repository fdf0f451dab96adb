"""The image built without a container engine has the Dockerfile's settings, and its service runs."""

import hashlib
import json
import os
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest
import requests

from lab.toolchain.machine import platform
from tests.support import image
from tests.support.waiting import wait_until
from tools.release import versions

NAME = f"observability-platform/storage-api:{versions.current()}"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory, missing_part) -> Path:
    """A folder with the files of the image archive; its layer is unpacked into the subfolder `root`."""
    if not platform().startswith("linux-"):
        missing_part("Linux, to build an image")
    folder = tmp_path_factory.mktemp("image")
    image.build(folder / "image.tar", NAME, builder="python")
    with tarfile.open(folder / "image.tar") as archive:
        archive.extractall(folder, filter="data")
    with tarfile.open(folder / "layer.tar") as layer:
        layer.extractall(folder / "root", filter="tar")
    return folder


def test_the_default_name_is_the_image_that_the_chart_runs():
    assert image.default_name() == NAME


def test_the_archive_has_the_settings_of_the_dockerfile(unpacked: Path):
    (manifest,) = json.loads((unpacked / "manifest.json").read_text())
    config = json.loads((unpacked / manifest["Config"]).read_text())
    assert manifest["RepoTags"] == [f"docker.io/{NAME}"]
    digest = hashlib.sha256((unpacked / manifest["Layers"][0]).read_bytes()).hexdigest()
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Entrypoint"] == ["python", "-m", "storage_api"]
    assert "PYTHONPATH=/app" in config["config"]["Env"]
    assert config["config"]["Healthcheck"] == {
        "Test": ["CMD", "python", "-m", "storage_api.healthcheck"],
        "Interval": 30 * 10**9,
        "Timeout": 10 * 10**9,
        "StartPeriod": 30 * 10**9,
    }
    assert config["config"]["Labels"]["org.opencontainers.image.version"] == NAME.partition(":")[2]


def test_the_image_has_no_writable_files_and_no_shell(unpacked: Path):
    with tarfile.open(unpacked / "layer.tar") as layer:
        members = {member.name: member for member in layer}
    assert members["data"].uid == members["data"].gid == 65532
    assert members["tmp"].mode == 0o1777
    assert {member.uid for name, member in members.items() if name != "data"} == {0}
    writable = [n for n, m in members.items() if m.mode & 0o022 and n != "tmp" and not m.issym()]
    assert writable == []
    assert not [n for n in members if Path(n).name in ("sh", "pip") or n.startswith("app/bin")]


def test_builds_are_reproducible(draws, unpacked: Path, tmp_path: Path):
    """The archive depends on the contents of its files alone; a whole second build is a thorough case."""

    def pack_again(archive: Path, name: str) -> None:
        image.write_archive(archive, name, unpacked / "root")

    def build_again(archive: Path, name: str) -> None:
        image.build(archive, name, builder="python")

    draws(pack_again, build_again)(tmp_path / "again.tar", NAME)
    assert (tmp_path / "again.tar").read_bytes() == (unpacked / "image.tar").read_bytes()


@pytest.mark.live
def test_the_image_runs_without_files_of_this_machine(unpacked: Path, tmp_path: Path):
    """The process loads only the image's own loader, interpreter, libraries and packages."""
    root = unpacked / "root"
    (loader,) = (path for path in root.glob("lib*/**/ld-*") if path.is_file())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    python = [loader, "--library-path", root / "usr/local/lib", root / "usr/local/bin/python"]
    environment = {
        "PYTHONHOME": str(root / "usr/local"),
        "PYTHONPATH": str(root / "app"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "STORE": "memory",
    }
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([*python, "-m", "storage_api"], env=environment, stdout=log, stderr=log)
    try:

        def stored():
            assert process.poll() is None, (tmp_path / "log").read_text()
            return requests.put(f"http://127.0.0.1:{port}/api/buckets/1", data=b"stored", timeout=5)

        answer = wait_until(stored, 30, every=0.1, despite=requests.ConnectionError)
        assert answer.status_code == 200
        # The image's health check, and the optional tracing packages.
        for command in (["-m", "storage_api.healthcheck"], ["-c", "import storage_api.telemetry.spans"]):
            subprocess.run([*python, *command], env=environment, timeout=30, check=True)
        maps = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
        loaded = {
            words[5] for line in maps if len(words := line.split(maxsplit=5)) == 6 and ".so" in words[5]
        }
        assert loaded and {path for path in loaded if not path.startswith(str(root))} == set()
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_a_missing_builder_is_reported_in_one_line(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(image.ImageError, match=r"podman: not installed") as refused:
        image.build(tmp_path / "image.tar", NAME, builder="podman")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("a/b:1", "docker.io/a/b:1"),
        ("localhost/b:1", "localhost/b:1"),
        ("registry.example.com/b:1", "registry.example.com/b:1"),
        ("registry:5000/b:1", "registry:5000/b:1"),
    ],
)
def test_a_short_name_means_the_default_registry(name: str, full: str):
    assert image._with_registry(name) == full
