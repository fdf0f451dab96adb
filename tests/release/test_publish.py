"""Publishing to a real registry on this machine, and installing by digest from it."""

import io
import json
import os
import re
import socket
import subprocess
import tarfile

import pytest
import requests

from lab import ROOT
from lab.folders import tools_folder
from lab.render.chart import load_yaml, stage_chart
from lab.render.helm import run_helm
from lab.toolchain import releasing
from tests.support.waiting import wait_until
from tools.release import package, publish
from tools.release.errors import ReleaseError

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """The address of an empty registry, that of crane, which keeps everything in memory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    log = tmp_path_factory.mktemp("registry") / "log"
    with log.open("wb") as file:
        command = [releasing.crane(), "registry", "serve", "--address", address]
        with subprocess.Popen(command, stdout=file, stderr=file) as process:
            try:
                wait_until(lambda: _answers(address) or process.poll() is not None, 30)
                assert process.poll() is None, log.read_text()
                yield f"{address}/team"
            finally:
                process.kill()


def _answers(address):
    try:
        return requests.get(f"http://{address}/v2/", timeout=1).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def image(registry, tmp_path_factory):
    """A pushed image, as name@sha256:digest; its only layer has one file."""
    layer = tmp_path_factory.mktemp("image") / "layer.tar"
    with tarfile.open(layer, "w") as archive:
        archive.addfile(tarfile.TarInfo("file"), io.BytesIO())
    command = [
        releasing.crane(),
        "append",
        "--new_layer",
        layer,
        "--new_tag",
        f"{registry}/storage-api:1.0.0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def chart(registry, image, tmp_path_factory):
    """The pushed chart, as name@sha256:digest."""
    staged = stage_chart(tmp_path_factory.mktemp("chart"))
    file = package.build(tmp_path_factory.mktemp("dist"), "1.0.0", image, staged)
    first, second = (publish.chart(registry, file) for _ in range(2))
    assert first == second, "the same package, pushed again, has another digest"
    return first


def test_the_published_chart_is_installed_by_its_digest_and_runs_the_published_image(chart, image):
    done = run_helm("template", "release", f"oci://{chart}", "--plain-http", "--kube-version", "1.37.0")
    assert done.returncode == 0, done.stderr
    assert f'image: "{image}"' in done.stdout or f"image: {image}" in done.stdout


def test_another_digest_is_refused(chart):
    name = chart.partition("@")[0]
    done = run_helm("template", "release", f"oci://{name}@sha256:{'0' * 64}", "--plain-http")
    assert done.returncode != 0


def test_the_published_chart_describes_itself(chart):
    done = run_helm("show", "chart", f"oci://{chart}", "--plain-http")
    assert load_yaml(done.stdout)["version"] == "1.0.0"


def test_artifact_hub_finds_its_metadata_beside_the_chart(chart, registry):
    first, second = (publish.metadata(registry) for _ in range(2))
    assert first == second
    name, _, digest = first.partition("@")
    assert name == chart.partition("@")[0]
    address, _, repository = name.partition("/")
    manifest = requests.get(f"http://{address}/v2/{repository}/manifests/artifacthub.io", timeout=5)
    assert manifest.headers["Docker-Content-Digest"] == digest
    found = json.loads(manifest.text)
    assert found["config"]["mediaType"] == "application/vnd.cncf.artifacthub.config.v1+yaml"
    (layer,) = found["layers"]
    assert layer["mediaType"] == "application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml"
    blob = requests.get(f"http://{address}/v2/{repository}/blobs/{layer['digest']}", timeout=5)
    assert blob.text == publish.METADATA.read_text()


def test_the_image_is_built_for_all_processors_with_sbom_and_provenance(monkeypatch, tmp_path):
    """A program in docker's place notes its arguments; only a public CI has docker with buildx."""
    docker = tmp_path / "docker"
    docker.write_text(
        f"""#!/bin/sh
printf '%s\\n' "$@" >{tmp_path}/arguments
while [ "$1" != --metadata-file ]; do shift; done
echo '{{"containerimage.digest": "sha256:{"1" * 64}"}}' >"$2"
"""
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = publish.image("registry.example.com/team", "1.2.3")
    assert found == f"registry.example.com/team/storage-api@sha256:{'1' * 64}"
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert {"--sbom=true", "--provenance=mode=max", "--push", "linux/amd64,linux/arm64"} <= set(arguments)
    assert "VERSION=1.2.3" in arguments
    assert "registry.example.com/team/storage-api:1.2.3" in arguments
    declared = {name for name in arguments if re.match(r"(VERSION|REVISION)=", name)}
    text = (ROOT / "Dockerfile").read_text()
    assert all(f"ARG {each.partition('=')[0]}=" in text for each in declared)
    docker.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(ReleaseError, match="docker buildx build failed with exit status 3"):
        publish.image("registry.example.com/team")


def test_the_sbom_lists_every_python_package_of_the_image():
    environment = os.environ | {"TOOLS_DIR": str(tools_folder())}
    file = ROOT / "dist/storage-api.cdx.json"
    for _ in range(2):  # the second time over the first one's file
        subprocess.run(["make", "sbom"], cwd=ROOT, env=environment, check=True, capture_output=True)
    found = json.loads(file.read_text())
    assert found["bomFormat"] == "CycloneDX"
    assert found["metadata"]["component"]["name"] == "storage-api"
    pins = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "service/requirements-traces.txt").read_text(), re.M)
    assert {(each["name"], each["version"]) for each in found["components"]} == set(pins)


def test_a_registry_that_is_not_there_is_reported_in_one_line(tmp_path):
    file = tmp_path / "chart.tgz"
    file.write_bytes(b"")
    with pytest.raises(ReleaseError) as refused:
        publish.chart("127.0.0.1:9/team", file)
    assert "\n" not in str(refused.value)
