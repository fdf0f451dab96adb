"""Official releases: archives and programs, verified by a pinned sha256."""

import hashlib
import shutil
import tarfile
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from lab.toolchain.install import WayError, say
from lab.toolchain.machine import platform

CONNECT_SECONDS = 5
READ_SECONDS = 20


def pinned(sums: Mapping[str, str]) -> str:
    """The sha256 for this machine, of those by platform such as `linux-amd64`; raises WayError."""
    if platform() not in sums:
        raise WayError(f"no download is pinned for {platform()}")
    return sums[platform()]


def unpack(url: str, sha256: str, programs: Sequence[str], folder: Path) -> None:
    """Downloads a .tar.gz and puts its programs into the folder; raises WayError.

    The programs are in the archive's only folder, as in the releases of Prometheus' projects.
    """
    archive = folder / "archive"
    _download(url, archive)
    verify(archive, sha256)
    for name in programs:
        _extract(archive, name, folder / name)
    archive.unlink()


def program(url: str, sha256: str, name: str, path: Path) -> None:
    """Downloads the program `name`, itself or in a .tar.gz, as `path`; raises WayError.

    Here `sha256` is that of the program, also if it is in an archive.
    """
    download = path.with_name("download")
    _download(url, download)
    if url.endswith(".tar.gz"):
        _extract(download, name, path)
        download.unlink()
    else:
        download.rename(path)
    verify(path, sha256)
    path.chmod(0o755)


def _extract(archive: Path, name: str, target: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if Path(member.name).name == name and (source := tar.extractfile(member)):
                    with source, target.open("wb") as file:
                        shutil.copyfileobj(source, file)
                    target.chmod(0o755)
                    return
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise WayError(f"the download is not a .tar.gz ({type(error).__name__})") from error
    raise WayError(f"the archive does not contain {name}")


def verify(path: Path, sha256: str) -> None:
    """Raises WayError, and removes the file, if it has another checksum."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        path.unlink()
        raise WayError(f"its sha256 is {found}, not the pinned {sha256}")


def _download(url: str, path: Path) -> None:
    """Raises WayError."""
    try:
        _stream(url, path)
    except requests.RequestException as error:
        raise WayError(f"can't be downloaded ({type(error).__name__})") from error


def _stream(url: str, path: Path) -> None:
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
