"""Official release archives, verified by a pinned sha256."""

import hashlib
import shutil
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from lab.tools.install import WayError, say
from lab.tools.machine import platform

CONNECT_SECONDS = 5
READ_SECONDS = 20


def unpack(name: str, version: str, programs: Sequence[str], sums: Mapping[str, str], folder: Path) -> None:
    """Puts the programs of a Prometheus project's release into the folder; raises WayError.

    `sums` maps a platform such as `linux-amd64` to its archive's sha256.
    """
    if platform() not in sums:
        raise WayError(f"no archive is pinned for {platform()}")
    stem = f"{name}-{version}.{platform()}"
    archive = folder / "archive"
    url = f"https://github.com/prometheus/{name}/releases/download/v{version}/{stem}.tar.gz"
    try:
        _download(url, archive)
    except requests.RequestException as error:
        raise WayError(f"can't be downloaded ({type(error).__name__})") from error
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sums[platform()]:
        raise WayError(f"its sha256 is {found}, not the pinned {sums[platform()]}")
    with tarfile.open(archive) as tar:
        for program in programs:
            source = tar.extractfile(f"{stem}/{program}")
            if source is None:
                raise WayError(f"it holds no file {program}")
            with source, (folder / program).open("wb") as target:
                shutil.copyfileobj(source, target)
            (folder / program).chmod(0o755)
    archive.unlink()


def _download(url: str, path: Path) -> None:
    with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
        response.raise_for_status()
        done, total, told = 0, int(response.headers.get("Content-Length", 0)), time.monotonic()
        with path.open("wb") as file:
            for piece in response.iter_content(1 << 20):
                file.write(piece)
                done += len(piece)
                if time.monotonic() - told > 5:
                    told = time.monotonic()
                    say(f"{done >> 20} of {total >> 20} MiB")
