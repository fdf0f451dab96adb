"""Pushes the image, the chart and Artifact Hub's metadata; each function returns `name@sha256:digest`."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab import ROOT
from lab.render.helm import run_helm
from lab.toolchain import releasing
from tools.release.errors import ReleaseError
from tools.release.versions import current

PLATFORMS = "linux/amd64,linux/arm64"
METADATA = ROOT / "artifacthub-repo.yml"
_MEDIA_TYPE = "application/vnd.cncf.artifacthub"


def image(registry: str, version: str = "") -> str:
    """Build the service's image for PLATFORMS, with an SBOM and its provenance attached, and push it.

    Needs docker with buildx, logged in. Raises ReleaseError.
    """
    if not (docker := shutil.which("docker")):
        raise ReleaseError("docker with buildx is needed to build the image for several processors")
    version = version or current()
    name = f"{registry}/storage-api"
    with tempfile.TemporaryDirectory() as temporary:
        metadata = Path(temporary) / "metadata.json"
        _run([
            docker, "buildx", "build", "--platform", PLATFORMS, "--sbom=true", "--provenance=mode=max",
            "--build-arg", f"VERSION={version}", "--build-arg", f"REVISION={_revision()}",
            "--tag", f"{name}:{version}", "--push", "--metadata-file", str(metadata), ".",
        ])  # fmt: skip
        return f"{name}@{json.loads(metadata.read_text(encoding='utf-8'))['containerimage.digest']}"


def chart(registry: str, package: Path) -> str:
    """Push the chart's package; raises ReleaseError."""
    done = run_helm("push", package, f"oci://{registry}/charts", *_plain_http(registry))
    digest = re.search(r"^Digest: (sha256:[0-9a-f]{64})$", done.stdout + done.stderr, re.MULTILINE)
    if done.returncode or not digest:
        raise ReleaseError(f"helm push: {_last_line(done.stdout + done.stderr)}")
    return f"{registry}/charts/observability-platform@{digest[1]}"


def metadata(registry: str) -> str:
    """Push artifacthub-repo.yml beside the chart, where Artifact Hub looks for it; raises ReleaseError."""
    name = f"{registry}/charts/observability-platform"
    # No annotation with the time of the push: the same file has the same digest.
    done = _run([
        str(releasing.oras()), "push", *_plain_http(registry), f"{name}:artifacthub.io", "--format", "json",
        "--annotation", "org.opencontainers.image.created=1970-01-01T00:00:00Z",
        "--config", f"{os.devnull}:{_MEDIA_TYPE}.config.v1+yaml",
        f"{METADATA.name}:{_MEDIA_TYPE}.repository-metadata.layer.v1.yaml",
    ])  # fmt: skip
    return f"{name}@{json.loads(done)['digest']}"


def _plain_http(registry: str) -> Sequence[str]:
    """A registry on this machine, such as that of the tests, has no certificate."""
    return ["--plain-http"] if re.match(r"(localhost|127\.0\.0\.1)(:|/)", registry) else []


def _revision() -> str:
    return _run(["git", "rev-parse", "HEAD"]).strip()


def _run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command[:3])} failed with exit status {done.returncode}")
    return done.stdout


def _last_line(text: str) -> str:
    return ([line for line in text.splitlines() if line.strip()] or ["no output"])[-1].removeprefix("Error: ")
