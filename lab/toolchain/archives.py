"""Official release archives, verified by a pinned sha256."""

import hashlib
import shutil
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from lab.toolchain.install import WayError, say

CONNECT_SECONDS = 5
READ_SECONDS = 20


def unpack(url: str, sha256: str, programs: Sequence[str], folder: Path) -> None:
    """Downloads a .tar.gz and puts its programs into the folder; raises WayError.

    The programs are in the archive's only folder, as in the releases of Prometheus' projects.
    """
    archive = folder / "archive"
    try:
        _download(url, archive)
    except requests.RequestException as error:
        raise WayError(f"can't be downloaded ({type(error).__name__})") from error
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise WayError(f"its sha256 is {found}, not the pinned {sha256}")
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if name in programs and (source := tar.extractfile(member)):
                with source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                (folder / name).chmod(0o755)
    archive.unlink()


def _download(url: str, path: Path) -> None:
    with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
        response.raise_for_status()
        done, total, reported = 0, int(response.headers.get("Content-Length", 0)), time.monotonic()
        with path.open("wb") as file:
            for piece in response.iter_content(1 << 20):
                file.write(piece)
                done += len(piece)
                if time.monotonic() - reported > 5:
                    reported = time.monotonic()
                    say(f"{done >> 20} of {total >> 20} MiB")
