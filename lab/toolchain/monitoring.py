"""Prometheus and Alertmanager with their tools, at the versions of kube-prometheus-stack 88.5.3."""

import gzip
import shutil
import tempfile
from functools import partial
from pathlib import Path

from lab.toolchain import archives, golang
from lab.toolchain.install import Family, Way
from lab.toolchain.machine import platform

_ALERTMANAGER_MODULE = "github.com/prometheus/alertmanager"
_NO_UI = (
    b"<!doctype html><title>Alertmanager</title>"
    b"<p>This Alertmanager was built without its web UI. Its API has "
    b'<a href="/api/v2/alerts">its alerts</a>, <a href="/api/v2/silences">its silences</a> and '
    b'<a href="/api/v2/status">its status</a>.'
)


def _from_archive(
    name: str, version: str, programs: tuple[str, str], sums: dict[str, str], target: Path
) -> None:
    """`sums` maps a platform such as `linux-amd64` to the sha256 of its archive."""
    sha256 = archives.pinned(sums)
    archive = f"{name}-{version}.{platform()}.tar.gz"
    url = f"https://github.com/prometheus/{name}/releases/download/v{version}/{archive}"
    archives.unpack(url, sha256, programs, target)


def _archive(name: str, version: str, programs: tuple[str, str], sums: dict[str, str]) -> Way:
    return Way("the release archive", partial(_from_archive, name, version, programs, sums))


def _build_prometheus(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        main = golang.copy_module("prometheus", Path(temporary))
        # The lab's targets are static: without the discovery clients of thirty clouds it builds much faster.
        golang.install(main, ["tool"], target, tags="remove_all_sd", ldflags=_ldflags(PROMETHEUS))


def _build_alertmanager(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        main = golang.copy_module("alertmanager", Path(temporary))
        # The module embeds a web UI that it does not contain, and Go allows no overlay in its module cache.
        cached = golang.module_source(main, _ALERTMANAGER_MODULE)
        source = shutil.copytree(cached, main / "source", copy_function=shutil.copyfile)
        (source / "ui" / "app").chmod(0o755)
        pages = source / "ui" / "app" / "dist"
        pages.mkdir()
        # It serves precompressed pages only, in an encoding that the browser accepts.
        (pages / "index.html.gz").write_bytes(gzip.compress(_NO_UI))
        (pages / "index.html.br").write_bytes(_brotli(_NO_UI))
        golang.run(["mod", "edit", f"-replace={_ALERTMANAGER_MODULE}=./source"], main)
        golang.install(main, ["tool"], target, ldflags=_ldflags(ALERTMANAGER))


def _brotli(text: bytes) -> bytes:
    """A brotli stream of one uncompressed block (RFC 7932, 9.2) and an empty last block."""
    return ((len(text) - 1) << 4 | 1 << 20).to_bytes(3, "little") + text + b"\x03"


def _ldflags(family: Family) -> str:
    return f"-X github.com/prometheus/common/version.Version={family.version}"


PROMETHEUS = Family(
    name="prometheus",
    # renovate: datasource=github-releases depName=prometheus/prometheus
    version="3.14.0",
    programs=("prometheus", "promtool"),
    version_arguments=("--version",),
    accepts=lambda version: version[0] == 3,
    wants="3.x",
    ways=(
        _archive(
            "prometheus",
            "3.14.0",
            ("prometheus", "promtool"),
            {
                "linux-amd64": "f665c6da19eb7ba399c915d30c7d9793c9b417bf8a749b504bc470678631478d",
                "linux-arm64": "077f3781ab7245dc04c9a3c9b78ba120fc8e41aa0dc97489b0af67247e50ba83",
                "darwin-amd64": "a14307b9726e66cadb81be9a544732623af26dabeb7702c987aa9c3c062ada34",
                "darwin-arm64": "a9623f7f4fe65b1b171b423c1a72bbf23dfdf41a171dcb33e7dd302af80dc01c",
            },
        ),
        Way("building it from its Go module (2-4 minutes, once)", _build_prometheus),
    ),
)

ALERTMANAGER = Family(
    name="alertmanager",
    # renovate: datasource=github-releases depName=prometheus/alertmanager
    version="0.34.0",
    programs=("alertmanager", "amtool"),
    version_arguments=("--version",),
    # 0.27 introduced the matcher syntax of today's configurations.
    accepts=lambda version: version[0] == 0 and version >= (0, 27, 0),
    wants="0.27 or newer",
    ways=(
        _archive(
            "alertmanager",
            "0.34.0",
            ("alertmanager", "amtool"),
            {
                "linux-amd64": "19c75a11d8c03dc4ade7abdbddfb3a8f28c9e7b000d0849cda0cd71dffd74a03",
                "linux-arm64": "a96ef16598ddc58e84d28167b3352b30e3205698d76c56ef467e4504d7664da4",
                "darwin-amd64": "2c76c6bb30f030296cbfbf803bfd99494987197fcb8743f73ef5f351d568ce97",
                "darwin-arm64": "0cb31efe439c58ab77594b62a28f9de95f2d08beccf0f11eba4b822b2f549b82",
            },
        ),
        Way("building it from its Go module (1-2 minutes, once)", _build_alertmanager),
    ),
)
